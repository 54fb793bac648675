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

/// The location of a database, and the name that SQLite opens it by.
///
/// A path is never read as a URI. SQLite reads each name that begins with `file:` as a URI if it
/// was built or configured so, whatever the flags of the call are. An absolute path cannot begin
/// with that prefix.
struct SQLiteLocation: Sendable {
    /// The absolute path of the file, or the URI with an absolute path.
    let path: String

    /// The absolute path of the file.
    let filePath: String

    /// The URI, or `nil` for a path.
    let uri: SQLiteURI?

    /// The file, if it belongs to the pool and is removed with it.
    let temporary: TemporaryDatabase?

    /// The name of the file, without its folder; `:memory:` for a temporary database.
    var name: String {
        temporary == nil ? filePath.split(separator: "/").last.map { String($0) } ?? filePath : ":memory:"
    }

    /// Whether ``path`` is a URI, from which SQLite reads options.
    var isURI: Bool { uri != nil }

    /// Creates the location that a configuration names.
    ///
    /// - Throws: `SQLiteError` with a message that begins with `path`.
    init(_ location: SQLiteConfiguration.Location, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        switch location {
        case .path(let path): try self.init(path: path, mode: mode)
        case .uri(let uri): try self.init(uri: uri, mode: mode)
        }
    }

    /// Creates a location from a path, or from `:memory:` for a temporary database.
    ///
    /// - Throws: `SQLiteError` with a message that begins with `path`.
    init(path: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        if path.utf8.elementsEqual(":memory:".utf8) {
            try self.init(temporary: mode)
            return
        }
        if path.utf8.first == UInt8(ascii: "~"), path.utf8.count == 1 || path.utf8.dropFirst().first == slash {
            throw Self.refusal("begins with “~”, which only a shell expands; a folder with that name is “./~”")
        }
        let path = try Self.absolute(path)
        self.init(path, filePath: path, uri: nil, temporary: nil)
    }

    /// Creates a location from a URI.
    ///
    /// - Throws: `SQLiteError` with a message that begins with `path`.
    init(uri text: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        let uri = try SQLiteURI(text, mode: mode)
        self.init(uri.text, filePath: uri.path, uri: uri, temporary: nil)
    }

    /// Creates a temporary database.
    init(temporary mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        guard mode == .readWriteCreate else {
            throw Self.refusal("is a temporary database, which does not exist yet: the mode must be readWriteCreate")
        }
        let database = try TemporaryDatabase()
        self.init(database.path, filePath: database.path, uri: nil, temporary: database)
    }

    private init(_ path: String, filePath: String, uri: SQLiteURI?, temporary: TemporaryDatabase?) {
        self.path = path
        self.filePath = filePath
        self.uri = uri
        self.temporary = temporary
    }

    /// The URI that tells SQLite that the file does not change.
    var immutableURI: String {
        SQLiteURI.text(path: filePath, options: (uri?.options ?? []) + [("immutable", "1")])
    }

    static func refusal(_ reason: String) -> SQLiteError {
        SQLiteError(.invalidConfiguration, "path " + reason)
    }

    /// Returns the absolute path. Throws if the path cannot name a file.
    static func absolute(_ path: String) throws(SQLiteError) -> String {
        guard !path.utf8.contains(0) else {
            throw SQLiteError(.nulCharacter, "path contains a NUL character")
        }
        guard let last = path.utf8.split(separator: slash, omittingEmptySubsequences: false).last, !path.isEmpty else {
            throw refusal("is empty; a temporary database is “:memory:”")
        }
        if last.isEmpty || last.elementsEqual(".".utf8) || last.elementsEqual("..".utf8) {
            throw refusal("ends like the path of a folder: \(path)")
        }
        if path.utf8.first == slash { return path }
        guard let bytes = unsafe getcwd(nil, 0) else {
            let reason = unsafe String(cString: strerror(errno))
            throw refusal("is relative, and the current folder has no path: \(reason)")
        }
        defer { unsafe free(bytes) }
        // A repaired name would name another folder.
        guard let folder = unsafe String(validatingCString: bytes) else {
            throw refusal("is relative, and the path of the current folder is not UTF-8")
        }
        return folder.utf8.last == slash ? folder + path : folder + "/" + path
    }
}

private let slash = UInt8(ascii: "/")
