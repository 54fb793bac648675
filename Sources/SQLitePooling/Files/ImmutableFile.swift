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

/// A database file that is read without locks, because there is no other way.
///
/// A database with a write-ahead log has two more files beside it while it is used, and a process that may not make them
/// cannot read it in the ordinary way. If nobody has made them, nobody uses the log, and all data are in the database file:
/// SQLite then reads that alone, if it is told that the file cannot change (`immutable`). Somebody with greater rights may
/// change it all the same. So each use compares the file with what it was when it was opened, at the end: if it differs, the
/// use fails, and the connection is replaced.
struct UnchangingFile {
    private let path: String
    private let opened: FileState

    /// The file, if that is how it can be read.
    ///
    /// - Parameter error: Why it could not be read in the ordinary way.
    init?(_ path: String, thatFailedWith error: SQLiteError) {
        guard error.code.primary == .cannotOpen || error.code.primary == .readOnly else { return nil }
        guard !Self.hasLog(path), unsafe access(Self.folder(of: path), W_OK) != 0 else { return nil }
        guard let state = FileState(path) else { return nil }
        self.path = path
        opened = state
    }

    /// Whether all that was read since the opening is of one state of the file.
    var isUnchanged: Bool { FileState(path) == opened && !Self.hasLog(path) }

    static var error: SQLiteError {
        SQLiteError(.fileChanged, "the database file changed while it was read as one that cannot change; read again")
    }

    /// Whether there is a log beside a file, with something in it.
    static func hasContentsInLog(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path + "-wal", &status) == 0 && status.st_size > 0
    }

    private static func hasLog(_ path: String) -> Bool {
        unsafe access(path + "-wal", F_OK) == 0 || access(path + "-shm", F_OK) == 0
    }

    private static func folder(of path: String) -> String {
        // Of the bytes: a combining mark after a slash is one character with it.
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// What changes with a file.
private struct FileState: Equatable {
    private let device: UInt64
    private let node: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        node = UInt64(status.st_ino)
        size = Int64(status.st_size)
        #if canImport(Darwin)
            let changed = status.st_ctimespec
        #else
            let changed = status.st_ctim
        #endif
        seconds = Int(changed.tv_sec)
        nanoseconds = Int(changed.tv_nsec)
    }
}
