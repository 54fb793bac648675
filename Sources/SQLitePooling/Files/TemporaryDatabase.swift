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

/// A new database file in its own folder, which only this user can open.
///
/// SQLite's in-memory databases belong to one connection each. This database is shared by several
/// connections, and has a write-ahead log.
///
/// The owner holds a lock on a file in the folder. The system releases the lock when the process
/// ends in any way; the user's next temporary database then removes the folder.
final class TemporaryDatabase: Sendable {
    private let folder: String
    private let lock: Int32

    /// The path of the file.
    let path: String

    static let folderPrefix = "lock-pool-sqlite-"
    static let lockName = "owner"
    static let fileNames = ["", "-wal", "-shm", "-journal"].map { "temporary.sqlite" + $0 }

    /// Creates the folder: in memory if the system has a folder for that, otherwise in the folder
    /// for temporary files.
    convenience init() throws(SQLiteError) { try self.init(in: Self.parents) }

    /// Creates the folder in the first usable parent, after removing folders of ended processes
    /// there.
    init(in parents: [String]) throws(SQLiteError) {
        var reason: Int32 = 0
        for parent in parents where unsafe access(parent, W_OK) == 0 {
            Self.sweep(parent)
            // The sweep of another process may remove the folder before it is locked.
            for _ in 0..<10 {
                guard let folder = Self.makeFolder(in: parent) else { break }
                guard let lock = Self.lockFolder(folder) else { continue }
                (self.folder, self.lock, path) = (folder, lock, folder + "/" + Self.fileNames[0])
                return
            }
            reason = errno
        }
        let text = unsafe String(cString: strerror(reason))
        throw SQLiteError(.cannotOpen, "cannot create a folder for a temporary database: \(text)")
    }

    deinit {
        remove()
        _ = close(lock)
    }

    /// Removes the file and the files that SQLite has put beside it. Open connections continue to
    /// work.
    func remove() {
        for name in Self.fileNames + [Self.lockName] { unsafe unlink(folder + "/" + name) }
        unsafe rmdir(folder)
    }

    private static func makeFolder(in parent: String) -> String? {
        var bytes = (parent + "/" + folderPrefix + "XXXXXX").utf8CString
        let isMade = unsafe bytes.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) != nil }
        return isMade ? String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    /// Locks a new folder.
    ///
    /// - Returns: The file descriptor that holds the lock; `nil` if a sweep has removed or locked
    ///   the folder.
    private static func lockFolder(_ folder: String) -> Int32? {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let file = unsafe open(folder + "/" + lockName, flags, 0o600)
        guard file >= 0 else {
            unsafe rmdir(folder)
            return nil
        }
        if flock(file, LOCK_EX | LOCK_NB) == 0, hasName(file) { return file }
        _ = close(file)
        return nil
    }

    /// Whether an open file has not been removed.
    private static func hasName(_ file: Int32) -> Bool {
        var status = stat()
        return unsafe fstat(file, &status) == 0 && status.st_nlink > 0
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

// MARK: - Folders of ended processes

extension TemporaryDatabase {
    /// Removes the folders of temporary databases whose owners have ended. O(entries of `parent`).
    ///
    /// Folders of other users, links, and folders without a lock file stay. A lock works across
    /// containers that share the folder, where a process identifier has no meaning.
    private static func sweep(_ parent: String) {
        guard let listing = unsafe opendir(parent) else { return }
        defer { unsafe closedir(listing) }
        let parentFile = unsafe dirfd(listing)
        while let entry = unsafe readdir(listing) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.hasPrefix(folderPrefix) { removeFolder(name, in: parentFile) }
        }
    }

    /// Removes a folder if it belongs to this user and its owner has ended.
    private static func removeFolder(_ name: String, in parent: Int32) {
        let folder = unsafe openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { return }
        defer { _ = close(folder) }
        var status = stat()
        guard unsafe fstat(folder, &status) == 0, status.st_uid == geteuid() else { return }
        // Without O_NONBLOCK, the open of a FIFO with that name would block.
        let lock = unsafe openat(folder, lockName, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard lock >= 0 else { return }
        defer { _ = close(lock) }
        // The lock is held until all files are removed, so that another sweep skips the folder.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0, hasName(lock) else { return }
        for file in fileNames + [lockName] { unsafe unlinkat(folder, file, 0) }
        unsafe unlinkat(parent, name, AT_REMOVEDIR)
    }
}
