// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Configuration
import ConnectionPooling
import Testing

@Suite struct ConfigurationTests {
    private func configuration(
        _ values: [AbsoluteConfigKey: ConfigValue],
        defaults: ConnectionPoolConfiguration = .init()
    ) throws(PoolError) -> ConnectionPoolConfiguration {
        try ConnectionPoolConfiguration(
            config: ConfigReader(provider: InMemoryProvider(values: values)),
            defaults: defaults
        )
    }

    @Test("Each property has a key of the same name")
    func fields() throws {
        let read = try configuration([
            "name": "orders", "maximumConnections": 20, "minimumConnections": 2,
            "maximumConcurrentConnects": 3, "maximumWaiters": 99, "checkoutTimeout": "1s", "connectTimeout": "2s",
            "resetTimeout": "3s", "closeTimeout": "4s", "drainTimeout": "5s", "initialBackoff": "6ms",
            "maximumBackoff": "7ms", "circuitBreakerThreshold": "8s", "validateAfterIdle": "9s",
            "keepAliveInterval": "10s", "idleTimeout": "11s", "maximumLifetime": "12s", "maximumUses": 13,
            "leakDetectionThreshold": "14s",
        ])
        let expected = ConnectionPoolConfiguration(
            name: "orders",
            maximumConnections: 20,
            minimumConnections: 2,
            maximumConcurrentConnects: 3,
            maximumWaiters: 99,
            checkoutTimeout: .seconds(1),
            connectTimeout: .seconds(2),
            resetTimeout: .seconds(3),
            closeTimeout: .seconds(4),
            drainTimeout: .seconds(5),
            initialBackoff: .milliseconds(6),
            maximumBackoff: .milliseconds(7),
            circuitBreakerThreshold: .seconds(8),
            validateAfterIdle: .seconds(9),
            keepAliveInterval: .seconds(10),
            idleTimeout: .seconds(11),
            maximumLifetime: .seconds(12),
            maximumUses: 13,
            leakDetectionThreshold: .seconds(14)
        )
        #expect(read == expected)
    }

    @Test("All properties are read: there are as many keys as properties")
    func completeness() throws {
        var names: [String] = []
        for child in Mirror(reflecting: ConnectionPoolConfiguration()).children { names += [child.label ?? ""] }
        for name in names where name != "name" {
            // A boolean is a valid value of no property.
            let error = #expect(throws: PoolError.self) {
                try configuration([AbsoluteConfigKey([name]): true])
            }
            #expect(error?.code == .invalidConfiguration && error?.description.contains(name) == true)
        }
    }

    @Test("Missing values come from the defaults")
    func defaults() throws {
        #expect(try configuration([:]) == ConnectionPoolConfiguration())
        let defaults = ConnectionPoolConfiguration(name: "orders", maximumConnections: 5, idleTimeout: nil)
        #expect(try configuration([:], defaults: defaults) == defaults)
        #expect(try configuration(["maximumConnections": 6], defaults: defaults).name == "orders")
    }

    @Test(
        "A duration is a number with a unit, or a number of seconds",
        arguments: [
            ("250ns", Duration.nanoseconds(250)), ("7us", .microseconds(7)), ("100ms", .milliseconds(100)),
            ("10s", .seconds(10)), ("2m", .seconds(120)), ("1.5h", .seconds(5_400)), ("0.3", .milliseconds(300)),
            ("10", .seconds(10)), (ConfigValue(12, isSecret: false), .seconds(12)),
            (ConfigValue(0.5, isSecret: false), .milliseconds(500)),
        ] as [(ConfigValue, Duration)]
    )
    func durations(value: ConfigValue, expected: Duration) throws {
        #expect(try configuration(["checkoutTimeout": value]).checkoutTimeout == expected)
    }

    @Test("Optional settings accept never")
    func never() throws {
        let read = try configuration(["idleTimeout": "never", "maximumLifetime": "never", "maximumUses": "never"])
        #expect(read.idleTimeout == nil && read.maximumLifetime == nil && read.maximumUses == nil)
    }

    @Test(
        "An invalid value is an error that names its property and shows the value",
        arguments: [
            ("maximumConnections", "many"), ("maximumConnections", "1.5"), ("checkoutTimeout", "soon"),
            ("checkoutTimeout", "10 parsecs"), ("checkoutTimeout", "-1s"), ("checkoutTimeout", "1e3s"),
            ("checkoutTimeout", "never"), ("checkoutTimeout", ""), ("checkoutTimeout", "99999999999h"),
            ("checkoutTimeout", "1.2.3s"), ("idleTimeout", "rarely"), ("maximumUses", "often"),
        ]
    )
    func unreadable(field: String, value: String) throws {
        let error = #expect(throws: PoolError.self) {
            try configuration([
                "name": "orders", AbsoluteConfigKey([field]): ConfigValue(.string(value), isSecret: false),
            ])
        }
        #expect(error?.code == .invalidConfiguration && error?.pool == "orders")
        #expect(error?.description.contains("\(field) must be a") == true)
        #expect(error?.description.contains("“\(value)”") == true)
    }

    @Test("A valid value that makes no pool is an error that names its property")
    func invalid() throws {
        let error = #expect(throws: PoolError.self) { try configuration(["minimumConnections": 11]) }
        #expect(error?.code == .invalidConfiguration && error?.description.contains("minimumConnections") == true)
    }

    @Test("Environment variables have the names that swift-configuration derives from the keys")
    func environment() throws {
        let provider = EnvironmentVariablesProvider(environmentVariables: [
            "DATABASE_POOL_MAXIMUM_CONNECTIONS": "20", "DATABASE_POOL_CHECKOUT_TIMEOUT": "500ms",
        ])
        let config = ConfigReader(provider: provider).scoped(to: "database.pool")
        let read = try ConnectionPoolConfiguration(config: config)
        #expect(read.maximumConnections == 20 && read.checkoutTimeout == .milliseconds(500))
    }
}
