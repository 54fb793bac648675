// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Configuration
import ConnectionPooling
import PostgresPooling
import Synchronization
import Testing

@Suite struct PostgresConfigurationTests {
    private func configuration(
        _ values: [AbsoluteConfigKey: ConfigValue],
        defaults: PostgresConfiguration = .init()
    ) throws(PostgresError) -> PostgresConfiguration {
        try PostgresConfiguration(
            config: ConfigReader(provider: InMemoryProvider(values: values)),
            defaults: defaults
        )
    }

    @Test("Each property with a key is read from the key of its name, and those of the pool from the scope pool")
    func fields() async throws {
        let read = try configuration([
            "server": "host=db.example.com", "password": "secret", "applicationName": "orders",
            "addressTimeout": "1s", "statementTimeout": "2s", "statementCacheCapacity": 3, "statementCacheBytes": 4,
            "reset": "always", "pooler": "session", "columnNames": "convertFromSnakeCase",
            "pool.maximumConnections": 20, "pool.checkoutTimeout": "500ms",
        ])
        #expect(read.server == "host=db.example.com" && read.applicationName == "orders")
        #expect(try await read.password?() == "secret")
        #expect(read.addressTimeout == .seconds(1) && read.statementTimeout == .seconds(2))
        #expect(read.statementCacheCapacity == 3 && read.statementCacheBytes == 4)
        #expect(read.reset == .always && read.pooler == .session && read.columnNames == .convertFromSnakeCase)
        #expect(read.pool.maximumConnections == 20 && read.pool.checkoutTimeout == .milliseconds(500))
    }

    @Test("Absent keys have the values of the defaults")
    func defaults() throws {
        var defaults = PostgresConfiguration("host=db.example.com")
        defaults.statementTimeout = .seconds(7)
        defaults.pool.maximumConnections = 5
        defaults.setup = ["SET search_path = app"]
        let read = try configuration(["pool.minimumConnections": 1], defaults: defaults)
        #expect(read.server == "host=db.example.com" && read.statementTimeout == .seconds(7) && read.setup.count == 1)
        #expect(read.pool.maximumConnections == 5 && read.pool.minimumConnections == 1)
        #expect(try configuration(["statementTimeout": "never"], defaults: defaults).statementTimeout == nil)
    }

    @Test(
        "An invalid value is an error that names the key",
        arguments: [
            ("statementTimeout", "soon", "statementTimeout must be a duration"),
            ("statementTimeout", "0s", "statementTimeout must be positive"),
            ("statementCacheCapacity", "many", "statementCacheCapacity must be a whole number"),
            ("reset", "sometimes", "reset must be whenChanged, always, transactionOnly, not “sometimes”"),
            ("pooler", "bouncer", "pooler must be detect, session, transaction"),
            ("columnNames", "shouted", "columnNames must be asWritten, convertFromSnakeCase"),
            ("pool.maximumConnections", "many", "pool.maximumConnections must be a whole number"),
            ("pool.maximumConnections", "0", "pool.maximumConnections must be from 1"),
            ("pool.checkoutTimeout", "10 parsecs", "pool.checkoutTimeout must be a duration"),
        ]
    )
    func invalid(key: String, value: String, message: String) {
        let error = #expect(throws: PostgresError.self) {
            try configuration([
                AbsoluteConfigKey(key.split(separator: ".").map(String.init)): ConfigValue(
                    .string(value),
                    isSecret: false
                )
            ])
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test("Environment variables have the names that swift-configuration derives from the keys")
    func environment() throws {
        let provider = EnvironmentVariablesProvider(environmentVariables: [
            "DATABASE_SERVER": "postgres://db.example.com/app", "DATABASE_STATEMENT_TIMEOUT": "30s",
            "DATABASE_POOL_MAXIMUM_CONNECTIONS": "20",
        ])
        let read = try PostgresConfiguration(config: ConfigReader(provider: provider).scoped(to: "database"))
        #expect(read.server == "postgres://db.example.com/app" && read.statementTimeout == .seconds(30))
        #expect(read.pool.maximumConnections == 20)
    }

    /// Collects the values that the reader reports, and whether each is marked as secret.
    private final class Accesses: AccessReporter {
        private let collected = Mutex([ConfigValue]())

        var values: [ConfigValue] { collected.withLock { $0 } }

        func report(_ event: AccessEvent) {
            let found = event.providerResults.map { $0.result.map(\.value) } + [event.result]
            collected.withLock { $0 += found.compactMap { try? $0.get() } }
        }
    }

    @Test(
        "A password is redacted in reports of accesses, whatever its type",
        arguments: [
            .string("48151623"), .int(48_151_623), .double(48_151_623), .stringArray(["48151623"]),
        ] as [ConfigContent]
    )
    func redactedPassword(_ content: ConfigContent) async throws {
        let accesses = Accesses()
        let provider = InMemoryProvider(values: ["password": ConfigValue(content, isSecret: false)])
        let config = ConfigReader(provider: provider, accessReporter: accesses)
        let password = try await PostgresConfiguration(config: config).password?()
        #expect(password?.contains("48151623") == true)
        let exposed = accesses.values.filter { !$0.isSecret }
        #expect(!accesses.values.isEmpty && exposed.isEmpty)
    }
}
