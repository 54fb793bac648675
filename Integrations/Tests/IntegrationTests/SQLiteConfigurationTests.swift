// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Configuration
import ConnectionPooling
import SQLitePooling
import Testing

@Suite struct SQLiteConfigurationTests {
    private func configuration(
        _ values: [AbsoluteConfigKey: ConfigValue],
        defaults: SQLiteConfiguration = .init()
    ) throws(SQLiteError) -> SQLiteConfiguration {
        try SQLiteConfiguration(
            config: ConfigReader(provider: InMemoryProvider(values: values)),
            defaults: defaults
        )
    }

    @Test("Each key sets the property of its name, in the pool's configuration too")
    func fields() throws {
        let read = try configuration([
            "path": "app.sqlite", "mode": "readWrite", "synchronous": "full", "busyTimeout": "2s",
            "foreignKeys": false, "cacheSizeKiB": 1_024, "mmapSizeBytes": 4_096, "statementCacheCapacity": 7,
            "maximumReadDuration": "3s", "optimizeInterval": "never", "optimizesOnClose": "false",
            "maximumWritesPerCommit": 16, "trust": "trusted", "isDefensive": "false",
            "allowsNetworkFileSystems": true, "errorDetail": "full", "uuids": "blob",
            "columnNames": "convertFromSnakeCase", "pool.maximumConnections": 8, "pool.checkoutTimeout": "500ms",
        ])
        #expect(read.location == .path("app.sqlite") && read.mode == .readWrite && read.synchronous == .full)
        #expect(read.busyTimeout == .seconds(2) && !read.foreignKeys && read.cacheSizeKiB == 1_024)
        #expect(read.mmapSizeBytes == 4_096 && read.statementCacheCapacity == 7)
        #expect(read.maximumReadDuration == .seconds(3) && read.optimizeInterval == nil && !read.optimizesOnClose)
        #expect(read.maximumWritesPerCommit == 16 && read.trust == .trusted && !read.isDefensive)
        #expect(read.allowsNetworkFileSystems && read.errorDetail == .full && read.uuids == .blob)
        #expect(read.columnNames == .convertFromSnakeCase)
        #expect(read.pool.maximumConnections == 8 && read.pool.checkoutTimeout == .milliseconds(500))
        #expect(read.pool.idleTimeout == nil)
        #expect(try configuration(["uri": "file:app.sqlite"]).location == .uri("file:app.sqlite"))
    }

    @Test("Absent keys take the defaults")
    func defaults() throws {
        var defaults = SQLiteConfiguration("app.sqlite")
        defaults.pool.maximumConnections = 2
        defaults.setup = ["SELECT 1"]
        let read = try configuration(["pool.maximumWaiters": 9], defaults: defaults)
        #expect(read.location == .path("app.sqlite") && read.setup.count == 1)
        #expect(read.pool.maximumConnections == 2 && read.pool.maximumWaiters == 9)
    }

    @Test(
        "An invalid value is an error that names its key",
        arguments: [
            ("mode", "writeOnly"), ("synchronous", ""), ("foreignKeys", "yes"), ("busyTimeout", "soon"),
            ("busyTimeout", "-1s"), ("cacheSizeKiB", "-1"), ("pool.maximumConnections", "many"),
            ("pool.maximumConnections", "0"), ("pool.checkoutTimeout", "never"), ("optimizeInterval", "1ms"),
        ]
    )
    func invalid(key: String, value: String) {
        let key = AbsoluteConfigKey(key.split(separator: ".").map(String.init))
        let error = #expect(throws: SQLiteError.self) {
            try configuration([key: ConfigValue(.string(value), isSecret: false)])
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(key.description) == true, "\(error?.message ?? "")")
    }

    @Test("A path and a URI exclude each other")
    func pathAndURI() {
        let error = #expect(throws: SQLiteError.self) { try configuration(["path": "a", "uri": "file:a"]) }
        #expect(error?.code == .invalidConfiguration)
    }
}
