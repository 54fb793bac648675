// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct FileSystemTests {
    // MARK: Permissions

    private static func permissions(_ path: String) throws -> UInt16 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return UInt16(try #require(attributes[.posixPermissions] as? Int))
    }

    @Test(
        "A new file and the files beside it have the configured permissions, whatever the umask is",
        arguments: [(0o600, 0), (0o640, 0o77), (0o666, 0o22), (0o660, 0)] as [(UInt16, UInt32)],
        [false, true]
    )
    func permissions(setting: (UInt16, UInt32), isRoot: Bool) async throws {
        let folder = try SampleFolder()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder.path)
        let (path, wanted, mask) = (folder.path, setting.0, setting.1)
        await #expect(processExitsWith: .success) {
            [path = path as String, wanted = wanted as UInt16, mask = mask as UInt32, isRoot = isRoot as Bool] in
            if !isRoot { dropPrivileges() }
            umask(mode_t(mask))
            var configuration = SQLiteConfiguration.patient
            configuration.filePermissions = wanted
            let pool = try SQLitePool(configuration.at(path + "/test.sqlite"))
            try await pool.execute("CREATE TABLE t (x)")
            for ending in ["", "-wal", "-shm"] {
                #expect(try Self.permissions(path + "/test.sqlite" + ending) == wanted, "\(ending)")
            }
            await pool.close()
            #expect(try Self.permissions(path + "/test.sqlite") == wanted)
        }
    }

    @Test("An existing file keeps its permissions, and a new file behind a link gets the configured ones")
    func existingFiles() async throws {
        let folder = try SampleFolder()
        var configuration = SQLiteConfiguration.patient
        configuration.filePermissions = 0o600
        try OutsideConnection(folder.file("old.sqlite")).run("CREATE TABLE t (x)")
        try FileManager.default.setAttributes([.posixPermissions: 0o664], ofItemAtPath: folder.file("old.sqlite"))
        try FileManager.default.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: false)
        for (link, target) in [("first", "sub/second"), ("sub/second", "new.sqlite"), ("oldlink", "old.sqlite")] {
            try FileManager.default.createSymbolicLink(atPath: folder.file(link), withDestinationPath: target)
        }
        for name in ["old.sqlite", "oldlink", "first"] {
            let pool = try SQLitePool(configuration.at(folder.file(name)))
            try await pool.execute("CREATE TABLE IF NOT EXISTS t (x)")
            await pool.close()
        }
        #expect(try Self.permissions(folder.file("old.sqlite")) == 0o664)
        #expect(try Self.permissions(folder.file("sub/new.sqlite")) == 0o600)
        #expect(try folder.names == ["first", "old.sqlite", "oldlink", "sub"])
    }

    @Test(
        "A file that cannot be created with its permissions is an error, and a mode that creates no file creates none"
    )
    func noFile() async throws {
        let folder = try SampleFolder()
        try FileManager.default.createSymbolicLink(atPath: folder.file("loop"), withDestinationPath: "loop")
        for (name, mode) in [
            ("none/x.sqlite", SQLiteConfiguration.Mode.readWriteCreate), ("loop", .readWriteCreate),
            ("x.sqlite", .readWrite), ("x.sqlite", .readOnly),
        ] {
            var configuration = SQLiteConfiguration.with(mode: mode, checkoutTimeout: .seconds(600))
            configuration.filePermissions = 0o600
            let pool = try SQLitePool(configuration.at(folder.file(name)))
            let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
            #expect(error.code.primary == .cannotOpen && error.message.contains(folder.file(name)))
            await pool.close()
        }
        #expect(try folder.names == ["loop"])
    }

    @Test(
        "Permissions that the owner could not use, or that allow execution, are a configuration error",
        arguments: [0, 0o400, 0o700, 0o4600]
    )
    func refusedPermissions(permissions: Int) {
        var configuration = SQLiteConfiguration()
        configuration.filePermissions = UInt16(permissions)
        let error = #expect(throws: SQLiteError.self) { try configuration.validate() }
        #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("filePermissions") == true)
    }

    // MARK: Temporary databases

    @Test("A new temporary database removes those of ended processes, and no other folder")
    func sweep() async throws {
        let child = try startChild("temporary", "-", 0)
        let (lines, line) = AsyncStream<String>.makeStream()
        let output = Task {
            _ = await child.output.text { text in
                guard let end = text.firstIndex(of: "\n") else { return false }
                line.yield(String(text[..<end]))
                return true
            }
            line.finish()
        }
        let path = try #require(await lines.first { _ in true })
        #expect(FileManager.default.fileExists(atPath: path))
        let living = try SQLitePool(.patient)
        #expect(FileManager.default.fileExists(atPath: path))
        child.send(SIGKILL)
        #expect(await child.exitCode() == 128 + SIGKILL)
        _ = await output.value
        let next = try SQLitePool(.patient)
        #expect(!FileManager.default.fileExists(atPath: URL(filePath: path).deletingLastPathComponent().path))
        try await living.execute("CREATE TABLE t (x)")
        #expect(FileManager.default.fileExists(atPath: living.path))
        await living.close()
        await next.close()
    }

    @Test("A sweep skips a folder without a lock, a link, and files that do not belong to a pool")
    func sweepLeaves() throws {
        let folder = try SampleFolder()
        let manager = FileManager.default
        func make(_ name: String, with files: [String]) throws {
            try manager.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false)
            for file in files { #expect(manager.createFile(atPath: folder.file(name + "/" + file), contents: nil)) }
        }
        try make("lock-pool-sqlite-a", with: ["temporary.sqlite"])
        try make("lock-pool-sqlite-b", with: ["temporary.sqlite", "temporary.sqlite-wal", "owner"])
        try make("lock-pool-sqlite-c", with: ["temporary.sqlite", "owner", "mine"])
        try make("other", with: ["temporary.sqlite", "owner"])
        try manager.createSymbolicLink(
            atPath: folder.file("lock-pool-sqlite-d"),
            withDestinationPath: folder.file("other")
        )
        try make("lock-pool-sqlite-e", with: ["temporary.sqlite"])
        try manager.createSymbolicLink(
            atPath: folder.file("lock-pool-sqlite-e/owner"),
            withDestinationPath: folder.file("other/owner")
        )
        #expect(manager.createFile(atPath: folder.file("lock-pool-sqlite-f"), contents: nil))
        var database: TemporaryDatabase? = try TemporaryDatabase(in: [folder.path])
        let own = URL(filePath: try #require(database?.path)).deletingLastPathComponent().lastPathComponent
        let left = ["a", "c", "d", "e", "f"].map { "lock-pool-sqlite-" + $0 } + ["other"]
        #expect(try folder.names == (left + [own]).sorted())
        #expect(try manager.contentsOfDirectory(atPath: folder.file("lock-pool-sqlite-c")) == ["mine"])
        #expect(try manager.contentsOfDirectory(atPath: folder.file("other")).count == 2)
        database = nil
        #expect(try folder.names == left)
    }

    @Test("A sweep does not remove the folders of another user")
    func sweepOfAnotherUser() async throws {
        let folder = try SampleFolder()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder.path)
        let dead = folder.file("lock-pool-sqlite-dead")
        try FileManager.default.createDirectory(atPath: dead, withIntermediateDirectories: false)
        #expect(FileManager.default.createFile(atPath: dead + "/owner", contents: nil))
        for path in [dead, dead + "/owner"] {
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
        }
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            dropPrivileges()
            let database = try TemporaryDatabase(in: [path])
            let mayRemove = getuid() != 65_534
            #expect(FileManager.default.fileExists(atPath: path + "/lock-pool-sqlite-dead/owner") != mayRemove)
            withExtendedLifetime(database) {}
        }
    }

    @Test("Temporary databases that are created concurrently do not remove each other")
    func concurrentSweeps() async throws {
        let folder = try SampleFolder()
        let databases = try await withThrowingTaskGroup(of: TemporaryDatabase.self) { group in
            for _ in 0..<200 { group.addTask { try TemporaryDatabase(in: [folder.path]) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(databases.map(\.path)).count == 200)
        for database in databases {
            #expect(
                FileManager.default.fileExists(atPath: URL(filePath: database.path).deletingLastPathComponent().path)
            )
        }
        #expect(try folder.names.count == 200)
    }

    // MARK: Network file systems

    @Test("Network file systems are recognized by their numbers; local and ambiguous ones are not")
    func fileSystemTypes() {
        let network: [UInt32] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f, 0x00c3_6400, 0x0bd0_0bd0]
        for type in network { #expect(NetworkFileSystem.name(ofType: type) != nil) }
        // ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, FUSE, 9P, and an unknown type.
        let others: [UInt32] = [
            0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0x6573_5546, 0x0102_1997, 0,
        ]
        for type in others { #expect(NetworkFileSystem.name(ofType: type) == nil) }
    }

    @Test("A file on a network file system is an error with a reason")
    func networkFileSystem() throws {
        let error = #expect(throws: SQLiteError.self) { try NetworkFileSystem.check("/net/x.sqlite") { _ in "NFS" } }
        #expect(error?.code == .writeAheadLogUnavailable)
        #expect(error?.message.contains("/net/x.sqlite") == true && error?.message.contains("NFS") == true)
        let folder = try SampleFolder()
        try NetworkFileSystem.check(folder.file())
    }
}
