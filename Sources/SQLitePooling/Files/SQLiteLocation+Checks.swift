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
    /// Checks the location of the file before a connection is opened, and creates the file if the
    /// configuration sets permissions.
    ///
    /// - Parameter mayCreate: Whether the connection creates a missing file.
    /// - Throws: `SQLiteError` with the codes of `SQLiteLocation.checkMayOpen()`;
    ///   `writeAheadLogUnavailable` on a network file system.
    func prepareToOpen(mayCreate: Bool) throws(SQLiteError) {
        try location.checkMayOpen()
        // An immutable file needs neither locks nor a log.
        if configuration.mode != .immutable, !configuration.allowsNetworkFileSystems {
            try NetworkFileSystem.check(location.filePath)
        }
        if mayCreate, location.temporary == nil, let permissions = configuration.filePermissions {
            try FilePermissions.makeFile(location.filePath, permissions: permissions)
        }
    }
}

extension SQLiteLocation {
    /// Checks, before a connection is opened, whether SQLite can open a file with this name.
    ///
    /// - Throws: `SQLiteError` with the code `invalidConfiguration` for an unknown VFS and for a
    ///   path that is too long for SQLite; `cannotOpenDirectory` for a folder; `cannotOpen` for a
    ///   path that is not a regular file, which an open could block on for ever.
    func checkMayOpen() throws(SQLiteError) {
        guard let layer = unsafe sqlite3_vfs_find(uri?.fileSystem) else {
            throw Self.refusal("asks for the VFS “\(uri?.fileSystem ?? "")”, which SQLite does not have")
        }
        // The name of the journal is eight bytes longer than the path.
        let limit = Int(unsafe layer.pointee.mxPathname) - 8
        guard filePath.utf8.count <= limit else {
            throw Self.refusal("has \(filePath.utf8.count) bytes; SQLite accepts at most \(limit): \(path)")
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
