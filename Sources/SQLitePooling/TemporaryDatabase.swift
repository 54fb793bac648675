// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A database file that nobody else knows of, in a folder of its own that only this user can open.
///
/// SQLite's own databases in memory belong to one connection. This one is shared by several, and has a write-ahead log.
final class TemporaryDatabase: Sendable {
    private let folder: String

    /// The path of the file.
    let path: String

    /// Makes the folder: in memory where the system has a place for that, else where temporary files go.
    init() throws(SQLiteError) {
        var reason: Int32 = 0
        for parent in Self.parents where unsafe access(parent, W_OK) == 0 {
            let template = parent + "/lock-pool-sqlite-XXXXXX"
            var bytes = template.utf8CString
            let isMade = unsafe bytes.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) != nil }
            if isMade {
                folder = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
                path = folder + "/temporary.sqlite"
                return
            }
            reason = errno
        }
        let text = unsafe String(cString: strerror(reason))
        throw SQLiteError(.cannotOpen, "no folder can be made for a temporary database: \(text)")
    }

    deinit { remove() }

    /// Removes the file, and what SQLite has put beside it. Connections that are open go on.
    func remove() {
        for ending in ["", "-wal", "-shm", "-journal"] { unsafe unlink(path + ending) }
        unsafe rmdir(folder)
    }

    private static var parents: [String] {
        let named = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) }
        let usual = [named, "/tmp"].compactMap(\.self)
        #if os(Linux)
            return ["/dev/shm"] + usual
        #else
            return usual
        #endif
    }
}
