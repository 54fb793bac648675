// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// The text of one or more statements, with the terminating NUL that SQLite expects.
///
/// The text is copied once. Without the NUL, SQLite itself would copy the rest of the text for
/// each statement.
struct Script {
    let text: String
    private let bytes: [UInt8]

    /// The length in bytes.
    var count: Int { bytes.count - 1 }

    /// - Throws: `SQLiteError` with the code `nulCharacter`, because SQLite would silently end at
    ///   that character.
    init(_ text: String) throws(SQLiteError) {
        self.text = text
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 1)
        bytes.append(contentsOf: text.utf8)
        if let offset = bytes.firstIndex(of: 0) {
            throw SQLiteError(.nulCharacter, "the statement contains a NUL character", sql: text, offset: offset)
        }
        bytes.append(0)
        self.bytes = bytes
    }

    /// Returns the bytes from `start` up to `end`.
    func part(_ start: Int, _ end: Int) -> ArraySlice<UInt8> { bytes[start..<min(max(start, end), count)] }

    /// Prepares the first statement from a byte offset on. O(length of the statement).
    ///
    /// - Parameters:
    ///   - handle: The connection.
    ///   - start: The byte offset of the statement.
    ///   - isPersistent: Whether the statement is kept for a long time.
    /// - Returns: SQLite's code, the statement if there is one, and the byte offset of the next
    ///   one.
    func prepare(
        on handle: OpaquePointer,
        from start: Int,
        isPersistent: Bool
    ) -> (code: Int32, statement: OpaquePointer?, next: Int) {
        guard let size = Int32(exactly: bytes.count - start) else { return (SQLITE_TOOBIG, nil, start) }
        var statement: OpaquePointer?
        var next = start
        let code = unsafe bytes.withUnsafeBytes { bytes -> Int32 in
            let first = unsafe bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
            let options = isPersistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
            var tail: UnsafePointer<CChar>?
            let code = unsafe sqlite3_prepare_v3(handle, first + start, size, options, &statement, &tail)
            if let tail = unsafe tail { unsafe next = tail - first }
            return code
        }
        return unsafe (code, statement, next)
    }
}
