// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || SQLiteMigrations
    internal import SQLitePooling

    #if canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #else
        internal import Darwin
    #endif

    /// A lock beside a database file, which a process holds while it runs a migration without a
    /// transaction. The system releases it if the process ends.
    ///
    /// SQLite itself has no lock that outlasts a transaction. The database file cannot be locked
    /// in another way: closing it would release the locks that SQLite has on it.
    struct MigrationLock {
        /// `nil` for a temporary database, which no other connection uses.
        private let file: (descriptor: Int32, path: String)?

        /// Takes the lock, if it is free. Does not wait.
        ///
        /// - Parameter db: A connection to the database, whose thread may block.
        /// - Returns: `nil` if another process, or another pool, holds the lock.
        /// - Throws: `MigrationError` with the code `unsupported` if the file system has no locks,
        ///   or the file cannot be created.
        init?(_ db: borrowing SQLiteConnection) throws {
            let files = try db.query("PRAGMA database_list", as: (Int, String, String).self)
            guard let database = files.first(where: { $0.1 == "main" })?.2, !database.isEmpty else {
                file = nil
                return
            }
            let path = database + "-migration"
            while true {
                let descriptor = unsafe open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
                guard descriptor >= 0 else { throw Self.failure(path) }
                guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                    let reason = errno
                    close(descriptor)
                    if reason == EINTR { continue }
                    errno = reason
                    guard reason == EWOULDBLOCK else { throw Self.failure(path) }
                    return nil
                }
                // The former holder may have removed the file after it was opened here.
                var (opened, current) = (stat(), stat())
                let isCurrent = unsafe fstat(descriptor, &opened) == 0 && stat(path, &current) == 0
                if isCurrent, opened.st_ino == current.st_ino, opened.st_dev == current.st_dev {
                    file = (descriptor, path)
                    return
                }
                close(descriptor)
            }
        }

        /// Releases the lock and removes its file.
        func release() {
            guard let file else { return }
            // While the lock is held, the file of this name is that of the lock.
            unsafe unlink(file.path)
            close(file.descriptor)
        }

        private static func failure(_ path: String) -> MigrationError {
            let reason = unsafe String(cString: strerror(errno))
            return MigrationError(
                .unsupported,
                "a migration without a transaction needs a lock: cannot lock \(path): \(reason)"
            )
        }
    }
#endif
