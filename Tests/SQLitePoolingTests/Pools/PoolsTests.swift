// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct PoolsTests {
    @Test("The first use of a key opens its pool, and the next one finds it open")
    func opening() async throws {
        let events = PoolsEvents()
        try await withPools(observers: [events]) { pools, folder in
            #expect(try folder.names == [])
            try await pools.withPool("a") { try await insert(1, into: $0) }
            #expect(pools.snapshot.open == 1 && pools.snapshot.inUse == 0)
            let found = try await pools.withPool("a") { pool in
                #expect(pools.snapshot.inUse == 1 && pool.configuration.pool.name == "SQLite pools a")
                return try await numbers(in: pool)
            }
            #expect(found == [1])
            #expect(pools.snapshot.counters.opened == 1 && pools.snapshot.counters.hits == 1)
            #expect(events.all == ["opened a"])
        }
        #expect(events.all == ["opened a", "shutdown a"])
    }

    @Test("Concurrent first users of a key share one opening")
    func sharedOpening() async throws {
        try await withPools { pools, _ in
            try await withThrowingTaskGroup { group in
                for number in 0..<32 {
                    group.addTask { try await pools.withPool("a") { try await insert(number, into: $0) } }
                }
                try await group.waitForAll()
            }
            #expect(pools.snapshot.counters.opened == 1)
            #expect(try await pools.withPool("a") { try await numbers(in: $0) } == Array(0..<32))
        }
    }

    @Test("A file that cannot be opened is an error of the callers that wait, and the next one tries again")
    func failedOpening() async throws {
        let events = PoolsEvents()
        try await withPools(observers: [events]) { pools, folder in
            try Data("this is not a database, although it is long enough".utf8)
                .write(to: URL(filePath: folder.file("a.sqlite")))
            let codes = await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask { try? await sqliteError { try await pools.withPool("a") { _ in } }.code }
                }
                return await group.reduce(into: Set<SQLiteError.Code?>()) { $0.insert($1) }
            }
            #expect(codes == [.notADatabase])
            #expect(pools.snapshot.open == 0 && pools.snapshot.counters.opened == 0)
            #expect(pools.snapshot.counters.openFailures <= 8)
            try FileManager.default.removeItem(atPath: folder.file("a.sqlite"))
            try await pools.withPool("a") { try await insert(1, into: $0) }
            #expect(events.all.first == "failed a" && events.all.last == "opened a")
        }
    }

    @Test("A failed opening leaves no room occupied")
    func roomAfterFailure() async throws {
        let folder = try SampleFolder()
        let pools = try SQLitePools<String>(.with(maximumOpenPools: 1)) { key in
            .path(key == "missing" ? folder.path + "/none/x.sqlite" : folder.file(key))
        }
        for _ in 0..<5 {
            let error = try await sqliteError { try await pools.withPool("missing") { _ in } }
            #expect(error.code == .cannotOpen && error.message.contains("/none/x.sqlite"))
        }
        try await pools.withPool("a") { try await insert(1, into: $0) }
        await pools.close()
    }

    @Test("The error of the closure that locates a file reaches the caller unchanged, and its type too")
    func locationError() async throws {
        struct UnknownTenant: Error {}
        let pools = try SQLitePools<Int>(.with()) { _ in throw UnknownTenant() }
        await #expect(throws: UnknownTenant.self) { try await pools.withPool(1) { _ in } }
        #expect(pools.snapshot.opening == 0)
        await pools.close()
    }

    @Test(
        "A key that is not the name of a file is an error",
        arguments: ["", ".", "..", ".a", "a/b", "../a", "a\0", "ä", "a b", String(repeating: "a", count: 129)]
    )
    func invalidKey(key: String) async throws {
        try await withPools { pools, folder in
            let error = try await sqliteError { try await pools.withPool(key) { _ in } }
            #expect(error.code == .invalidKey && error.category == .refused)
            #expect(try folder.names == [])
        }
    }

    @Test("A temporary database is an error, because it would be lost when its pool is closed")
    func temporary() async throws {
        let pools = try SQLitePools<String>(.with()) { _ in .path(":memory:") }
        let error = try await sqliteError { try await pools.withPool("a") { _ in } }
        #expect(error.code == .invalidConfiguration && error.message.contains("“a”"))
        await pools.close()
    }

    @Test("Two open keys cannot have the same file, by a path or by a link", arguments: [true, false])
    func sharedFile(exists: Bool) async throws {
        let folder = try SampleFolder()
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: folder.file("a"))
        if exists { try await withPool(in: folder) { _ in } }
        let pools = try SQLitePools<String>(.with()) { key in
            .path(key == "linked" ? folder.file("link") : folder.path + "/./a")
        }
        let first = try await pools.withPool("a") { pool in
            try await insert(1, into: pool)
            for key in ["linked", "b"] {
                let error = try await sqliteError { try await pools.withPool(key) { _ in } }
                #expect(error.code == .sharedFile && error.message.contains("“a” and “\(key)”"))
            }
            return try await numbers(in: pool)
        }
        #expect(first == [1])
        // When the first one is closed, the file is free.
        try await pools.close("a")
        #expect(try await pools.withPool("linked") { try await numbers(in: $0) } == [1])
        await pools.close()
    }

    @Test("The least recently used pool that is not in use is closed, with a checkpoint of its log")
    func eviction() async throws {
        let events = PoolsEvents()
        try await withPools(.with(maximumOpenPools: 3), observers: [events]) { pools, folder in
            for key in ["a", "b", "c"] { try await pools.withPool(key) { try await insert(1, into: $0) } }
            let use = try await HeldUse(pools, "a")
            try await pools.withPool("b") { _ in }
            #expect(try folder.names.contains("c.sqlite-wal"))
            try await pools.withPool("d") { try await insert(1, into: $0) }
            #expect(try !folder.names.contains("c.sqlite-wal"))
            #expect(events.all.suffix(2) == ["evicted c", "opened d"])
            // Of the others, b has been used less recently than d, and a is in use.
            try await pools.withPool("e") { _ in }
            #expect(events.all.suffix(2) == ["evicted b", "opened e"])
            try await use.end()
            #expect(try await pools.withPool("c") { try await numbers(in: $0) } == [1])
            #expect(pools.snapshot.open == 3)
        }
    }

    @Test("A configuration that is out of range, or needs more descriptors than the process has, is an error")
    func configuration() async {
        func error(_ change: (inout SQLitePoolsConfiguration) -> Void) -> SQLiteError? {
            var configuration = SQLitePoolsConfiguration()
            change(&configuration)
            do throws(SQLiteError) {
                _ = try SQLitePools<String>(folder: "x", configuration)
                return nil
            } catch { return error }
        }
        #expect(error { _ in } == nil)
        for (field, result) in [
            ("maximumOpenPools", error { $0.maximumOpenPools = 0 }),
            ("maximumWaiters", error { $0.maximumWaiters = 0 }),
            ("checkoutTimeout", error { $0.checkoutTimeout = .seconds(-1) }),
            ("cacheSizeKiB", error { $0.database.cacheSizeKiB = -1 }),
        ] {
            #expect(result?.code == .invalidConfiguration && result?.message.contains(field) == true, "\(field)")
        }
        await #expect(processExitsWith: .success) {
            #expect(limitDescriptors(to: 256))
            var configuration = SQLitePoolsConfiguration()
            configuration.maximumOpenPools = 36
            _ = try SQLitePools<String>(folder: "x", configuration)
            configuration.maximumOpenPools = 37
            #expect(throws: SQLiteError.self) { try SQLitePools<String>(folder: "x", configuration) }
            configuration.database.mode = .readOnly
            _ = try SQLitePools<String>(folder: "x", configuration)
        }
    }

    @Test("Pools that read only open a reader, and leave the files unchanged")
    func readOnly() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { try await insert(1, into: $0) }
        let before = try folder.bytes()
        var configuration = SQLitePoolsConfiguration.with()
        configuration.database.mode = .readOnly
        let pools = try SQLitePools<String>(configuration) { _ in .path(folder.file()) }
        #expect(try await pools.withPool("a") { try await numbers(in: $0) } == [1])
        let error = try await sqliteError { try await pools.withPool("a") { try await insert(2, into: $0) } }
        #expect(error.code == .readOnly)
        await pools.close()
        #expect(try folder.bytes() == before)
    }
}

/// Limits the number of descriptors of this process.
func limitDescriptors(to count: Int) -> Bool {
    var limit = rlimit(rlim_cur: rlim_t(count), rlim_max: rlim_t(count))
    #if canImport(Glibc)
        return unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    #else
        return unsafe setrlimit(RLIMIT_NOFILE, &limit) == 0
    #endif
}
