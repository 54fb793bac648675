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

/// A database file that is read without locks, because the process cannot create the files of its
/// log.
///
/// A database in WAL mode has two more files beside it while it is in use. A process that cannot
/// create them cannot read the database in the ordinary way. If they do not exist, no process uses
/// the log, and all data are in the database file. SQLite then reads that file alone if it is told
/// that the file cannot change (`immutable`). A process with more permissions can still change it.
/// So the end of each use compares the file with its state when it was opened. If it differs, the
/// use fails, and the connection is replaced.
struct ImmutableFile {
    private let path: String
    private let opened: FileState

    /// Creates a value if the file can be read in this way; otherwise `nil`.
    ///
    /// - Parameter error: The error of the ordinary open.
    init?(_ path: String, after error: SQLiteError) {
        guard error.code.primary == .cannotOpen || error.code.primary == .readOnly else { return nil }
        guard !Self.hasLog(path), unsafe access(Self.folder(of: path), W_OK) != 0 else { return nil }
        guard let state = FileState(path) else { return nil }
        self.path = path
        opened = state
    }

    /// Whether everything that was read since the file was opened is of one state.
    var isUnchanged: Bool { FileState(path) == opened && !Self.hasLog(path) }

    static var error: SQLiteError {
        SQLiteError(.fileChanged, "the database file changed while it was read without locks; read again")
    }

    /// Whether a log exists beside a file and is not empty.
    static func hasContentsInLog(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path + "-wal", &status) == 0 && status.st_size > 0
    }

    private static func hasLog(_ path: String) -> Bool {
        unsafe access(path + "-wal", F_OK) == 0 || access(path + "-shm", F_OK) == 0
    }

    private static func folder(of path: String) -> String {
        // Compared as bytes: a combining mark after a slash is part of the same character.
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// The attributes of a file that change with its contents.
private struct FileState: Equatable {
    private let identity: FileIdentity
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        identity = FileIdentity(status)
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
