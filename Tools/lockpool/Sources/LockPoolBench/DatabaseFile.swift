// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The path of a database file, checked without opening the file.
public struct DatabaseFile: Sendable, Hashable {
    /// The absolute path of the file, which SQLite cannot interpret as anything but a path.
    public let path: String

    /// Checks a path as the user wrote it.
    ///
    /// - Throws: CommandFailure if there is no regular file at `path`, or if it is not readable,
    ///   or if it is not writable although `forWriting` is set.
    public init(path: String, forWriting: Bool) throws(CommandFailure) {
        guard !path.isEmpty else {
            throw .usage("--sqlite needs the path of a database file, but is empty")
        }
        let url = URL(filePath: path).standardizedFileURL
        let manager = FileManager.default
        guard let attributes = try? manager.attributesOfItem(atPath: url.resolvingSymlinksInPath().path) else {
            throw .runtime("no such file: \(path)")
        }
        switch attributes[.type] as? FileAttributeType {
        case .typeRegular:
            break
        case .typeDirectory:
            throw .runtime("\(path) is a directory, not a database file")
        default:
            throw .runtime("\(path) is not a regular file")
        }
        guard manager.isReadableFile(atPath: url.path) else {
            throw .runtime("\(path) may not be read by this user")
        }
        // Root can write to any file, so the permission bits are checked: a read-only file must
        // stay unchanged.
        let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o200
        if forWriting, mode & 0o222 == 0 || !manager.isWritableFile(atPath: url.path) {
            throw .runtime("\(path) is read-only, so --write-sql cannot run on it")
        }
        self.path = url.path
    }

    /// Whether the database has a rollback journal instead of a write-ahead log.
    ///
    /// See SQLite's file format, section 1.3: the byte at offset 18 is 1 for a rollback journal
    /// and 2 for a write-ahead log.
    var hasRollbackJournal: Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? file.close() }
        guard let header = try? file.read(upToCount: 20) else { return false }
        return header.count == 20 && header[18] == 1
    }

    /// Whether `other` names the same file.
    public func isSameFile(as other: String) -> Bool {
        URL(filePath: path).resolvingSymlinksInPath() == URL(filePath: other).resolvingSymlinksInPath()
    }
}
