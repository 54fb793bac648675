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

/// The permissions of a database file that a pool creates.
enum FilePermissions {
    /// Creates an empty file with these permissions if none exists, before SQLite opens it.
    ///
    /// An empty file is an empty database. SQLite gives the log, its index and the journal the
    /// permissions of the file. An existing file keeps its permissions. The file never has more
    /// than the given permissions.
    ///
    /// - Parameters:
    ///   - path: The path of the file. Links are followed, also a link to a missing file.
    ///   - permissions: The permissions, independent of the process's umask.
    /// - Throws: `SQLiteError` with the code `cannotOpen`.
    static func makeFile(_ path: String, permissions: UInt16) throws(SQLiteError) {
        var path = path
        // The number of links that Linux follows.
        for _ in 0..<40 {
            let file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(permissions))
            if file >= 0 {
                let isSet = fchmod(file, mode_t(permissions)) == 0
                let reason = errno
                _ = close(file)
                if isSet { return }
                unsafe unlink(path)
                throw failure(path, reason)
            }
            guard errno == EEXIST else { throw failure(path, errno) }
            // O_EXCL does not follow a link, even to a missing file.
            guard let target = target(of: path) else { return }
            path = target
        }
        throw failure(path, ELOOP)
    }

    /// Returns the target of a link; `nil` if the path is not a link.
    private static func target(of path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 4_097)
        let count = unsafe readlink(path, &bytes, bytes.count - 1)
        guard count >= 0 else { return nil }
        let target = String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard target.utf8.first != UInt8(ascii: "/"), let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return target
        }
        return String(path[...slash]) + target
    }

    private static func failure(_ path: String, _ reason: Int32) -> SQLiteError {
        let text = unsafe String(cString: strerror(reason))
        return SQLiteError(.cannotOpen, "cannot make the database \(path): \(text)")
    }
}

extension SQLiteConfiguration {
    /// Checks that the permissions let the owner use the file.
    func validateFilePermissions() throws(SQLiteError) {
        guard let filePermissions else { return }
        guard filePermissions & 0o600 == 0o600, filePermissions & ~0o666 == 0 else {
            throw SQLiteError(
                .invalidConfiguration,
                "filePermissions must be readable and writable by the owner, and not executable: 0o600 to 0o666"
            )
        }
    }
}
