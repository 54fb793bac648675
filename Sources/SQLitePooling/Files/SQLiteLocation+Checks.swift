// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension SQLiteFile {
    /// Looks at the place of the file before a connection is opened, and makes the file where its permissions are said.
    ///
    /// - Parameter mayCreate: Whether the connection makes the file if there is none.
    /// - Throws: `SQLiteError` with the codes of `SQLiteLocation.checkMayOpen()`; `writeAheadLogUnavailable` on a network
    ///   file system.
    func prepareToOpen(mayCreate: Bool) throws(SQLiteError) {
        try location.checkMayOpen()
        // What does not change needs neither locks nor a log.
        if configuration.mode != .immutable, !configuration.allowsNetworkFileSystems {
            try NetworkFileSystem.check(location.filePath)
        }
        if mayCreate, location.temporary == nil, let permissions = configuration.filePermissions {
            try FilePermissions.makeFile(location.filePath, permissions: permissions)
        }
    }
}

extension SQLiteLocation {
    /// Looks, before a connection is opened, whether SQLite can open a file of this name.
    ///
    /// - Throws: `SQLiteError` with the code `invalidConfiguration` for a file system layer that SQLite does not have, and for
    ///   a path that is too long for it; `cannotOpenDirectory` for a folder; `cannotOpen` for what is no file, which an
    ///   opening could wait for without an end.
    func checkMayOpen() throws(SQLiteError) {
        guard let layer = unsafe sqlite3_vfs_find(uri?.fileSystem) else {
            throw Self.refusal("asks for the file system layer “\(uri?.fileSystem ?? "")”: SQLite has no such vfs")
        }
        // The name of the journal is eight bytes longer.
        let limit = Int(unsafe layer.pointee.mxPathname) - 8
        guard filePath.utf8.count <= limit else {
            throw Self.refusal("has \(filePath.utf8.count) bytes, and SQLite takes at most \(limit): \(path)")
        }
        var status = stat()
        guard unsafe stat(filePath, &status) == 0 else { return }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw SQLiteError(.cannotOpenDirectory, "cannot open the database \(path): it is a folder")
        default: throw SQLiteError(.cannotOpen, "cannot open the database \(path): it is not a regular file")
        }
    }
}
