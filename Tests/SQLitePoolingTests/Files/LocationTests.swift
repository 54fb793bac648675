// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct LocationTests {
    // MARK: Paths

    @Test(
        "A path is never read as a URI, nor as a temporary database if a folder precedes it",
        arguments: [
            "file:x.sqlite?cache=shared", "file:a%62?mode=memory", "./:memory:", "sub:é?#&.sqlite", "./~", "a~",
        ]
    )
    func pathIsNoURI(name: String) async throws {
        let folder = try SampleFolder()
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String, name = name as String] in
            #expect(unsafe chdir(path) == 0)
            let pool = try SQLitePool(.patient.at(name))
            try await pool.execute("CREATE TABLE t (x)")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            #expect(pool.path.hasPrefix("/"))
            await pool.close()
        }
        #expect(try folder.names == [name.replacing("./", with: "")])
    }

    @Test(
        "A path that cannot name a file is an error before the first use",
        arguments: [
            ("", SQLiteError.Code.invalidConfiguration), ("a/", .invalidConfiguration), ("/", .invalidConfiguration),
            ("..", .invalidConfiguration), ("a/.", .invalidConfiguration), ("~", .invalidConfiguration),
            ("~/x.sqlite", .invalidConfiguration), ("a\0b", .nulCharacter),
        ]
    )
    func refusedPaths(path: String, code: SQLiteError.Code) {
        let error = #expect(throws: SQLiteError.self) { try SQLitePool(path) }
        #expect(error?.code == code && error?.message.hasPrefix("path ") == true)
    }

    @Test("A relative path is an error if the working directory has no path or a path that is not UTF-8")
    func currentFolder() async throws {
        let folder = try SampleFolder()
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            #expect(
                unsafe mkdir(path + "/gone", 0o700) == 0 && chdir(path + "/gone") == 0 && rmdir(path + "/gone") == 0
            )
            let gone = #expect(throws: SQLiteError.self) { try SQLitePool("file:x") }
            #expect(gone?.code == .invalidConfiguration)
            let bytes = Array(path.utf8CString.dropLast()) + [0x2f, CChar(bitPattern: 0xff), 0]
            #expect(unsafe mkdir(bytes, 0o700) == 0 && chdir(bytes) == 0)
            let invalid = #expect(throws: SQLiteError.self) { try SQLitePool("x") }
            #expect(invalid?.code == .invalidConfiguration && invalid?.message.contains("UTF-8") == true)
        }
    }

    @Test("A path that is too long for SQLite is an error, and a path with one byte less works")
    func longPath() async throws {
        let folder = try SampleFolder()
        // SQLite's 512 bytes, less eight for the name of the journal.
        var path = folder.path
        while path.utf8.count < 300 {
            path += "/" + String(repeating: "d", count: 100)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        path += "/" + String(repeating: "f", count: 504 - path.utf8.count - 1)
        for (path, works) in [(path, true), (path + "f", false)] {
            let pool = try SQLitePool(.patient.at(path))
            if works {
                try await pool.execute("CREATE TABLE t (x)")
            } else {
                let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
                #expect(error.code == .invalidConfiguration && error.message.contains("505 bytes"))
            }
            await pool.close()
        }
    }

    @Test(
        "A folder, or a path that is not a regular file, is an error and does not block the connection",
        arguments: [SQLiteConfiguration.Mode.readWriteCreate, .readOnly, .immutable]
    )
    func notAFile(mode: SQLiteConfiguration.Mode) async throws {
        let folder = try SampleFolder()
        #expect(unsafe mkfifo(folder.file("pipe"), 0o600) == 0)
        for (path, code) in [
            (folder.path, SQLiteError.Code.cannotOpenDirectory), (folder.file("pipe"), .cannotOpen),
            ("/dev/null", .cannotOpen),
        ] {
            let configuration = SQLiteConfiguration.with(mode: mode, checkoutTimeout: .seconds(600))
            let pool = try SQLitePool(configuration.at(path))
            let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
            #expect(error.code == code && error.message.contains(path))
            await pool.close()
        }
    }

    @Test("A symbolic link is followed, also to a missing file")
    func symbolicLink() async throws {
        let folder = try SampleFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"),
            withDestinationPath: folder.file("real.sqlite")
        )
        for _ in 0..<2 {
            let pool = try SQLitePool(.patient.at(folder.file("link")))
            try await pool.execute("CREATE TABLE IF NOT EXISTS t (x)")
            #expect(FileManager.default.fileExists(atPath: folder.file("real.sqlite-wal")))
            await pool.close()
        }
        #expect(try folder.names == ["link", "real.sqlite"])
    }

    // MARK: URIs

    @Test(
        "A URI is parsed by SQLite's rules, byte by byte, and SQLite receives the parsed parts",
        arguments: [
            ("file:/a", "file:/a", "/a"), ("file:///a%20b", "file:/a%20b", "/a b"),
            ("file://localhost/a", "file:/a", "/a"), ("file:/a#b?cache=shared", "file:/a", "/a"),
            ("file:/a%+5", "file:/a%25%2b5", "/a%+5"), ("file:/a%4", "file:/a%254", "/a%4"),
            ("file:/a%4G%", "file:/a%254G%25", "/a%4G%"), ("file:/a%3fb&c=d", "file:/a%3fb%26c%3dd", "/a?b&c=d"),
            ("file:/a?", "file:/a", "/a"), ("file:/a?&&psow=0&", "file:/a?psow=0", "/a"),
            ("file:/a?vfs=unix-excl", "file:/a?vfs=unix-excl", "/a"), ("file:/a?%70sow=1", "file:/a?psow=1", "/a"),
            ("file:/a?vfs=b=c", "file:/a?vfs=b%3dc", "/a"),
            ("file:/a+b?cache=private", "file:/a%2bb?cache=private", "/a+b"),
            ("file:/a?immutable=0&nolock=off", "file:/a?nolock=off", "/a"),
        ]
    )
    func uri(text: String, canonical: String, path: String) throws {
        let location = try SQLiteLocation(uri: text, mode: .readWriteCreate)
        #expect(location.path == canonical && location.filePath == path)
    }

    @Test(
        "A URI with an unknown or disallowed option is an error that names the option",
        arguments: [
            "?mode=memory", "?psow=1&mode=rw", "?cache=shared", "?cache=Private", "?cache", "?immutable=1", "?nolock=1",
            "?%6dode=ro", "?modeof=/etc/shadow", "?key=hunter2", "?hexkey=68", "?vfs=", "?vfs=a&vfs=b", "?psow=2",
            "?=1",
            // A combining mark forms a single character with the one before it.
            "?x=\u{600}&cache=shared", "?psow=1&\u{301}cache=shared", "?psow\u{301}=1", "?psow=1&\u{200d}",
            "?CACHE=shared",
        ]
    )
    func refusedOptions(options: String) {
        let error = #expect(throws: SQLiteError.self) { try SQLitePool(SQLiteConfiguration(uri: "file:x" + options)) }
        #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("path ") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test(
        "A URI that cannot name a file of this host is an error",
        arguments: [
            ("file:", SQLiteError.Code.invalidConfiguration), ("file:?psow=1", .invalidConfiguration),
            ("file:#x", .invalidConfiguration), ("file::memory:", .invalidConfiguration),
            ("file:%3amemory:", .invalidConfiguration), ("file://localhost", .invalidConfiguration),
            ("file://example.com/x", .invalidConfiguration), ("file://LOCALHOST/x", .invalidConfiguration),
            ("file:a/", .invalidConfiguration), ("x.sqlite", .invalidConfiguration), ("FILE:x", .invalidConfiguration),
            ("file\u{301}:x", .invalidConfiguration), ("file:%ff", .invalidConfiguration),
            ("file:a%00b", .nulCharacter), ("file:a\0b", .nulCharacter), ("file:a?vfs=%00", .nulCharacter),
        ]
    )
    func refusedURIs(uri: String, code: SQLiteError.Code) {
        let error = #expect(throws: SQLiteError.self) { try SQLitePool(SQLiteConfiguration(uri: uri)) }
        #expect(error?.code == code && error?.message.hasPrefix("path ") == true)
    }

    @Test("Options that agree with the mode are accepted")
    func optionsOfModes() throws {
        let immutable = try SQLiteLocation(uri: "file:/a?immutable=1&psow=1", mode: .immutable)
        #expect(immutable.immutableURI == "file:/a?psow=1&immutable=1")
        #expect(try SQLiteLocation(path: "/a b", mode: .immutable).immutableURI == "file:/a%20b?immutable=1")
        #expect(throws: SQLiteError.self) { try SQLiteLocation(uri: "file:/a?immutable=1", mode: .readOnly) }
        #expect(try SQLiteLocation(uri: "file:/a?nolock=1", mode: .readOnly).path == "file:/a?nolock=1")
    }

    @Test(
        "A VFS without shared memory is an error, and loses nothing",
        arguments: ["unix-none", "memdb"]
    )
    func fileSystemWithoutLog(name: String) async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(uri: "file:\(folder.file())?vfs=\(name)"))
        let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
        #expect(error.code == .writeAheadLogUnavailable)
        await pool.close()
    }
}
