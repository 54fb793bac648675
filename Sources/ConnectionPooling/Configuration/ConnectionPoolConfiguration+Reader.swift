// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if ConfigurationSupport
    public import Configuration

    extension ConnectionPoolConfiguration {
        /// Creates a configuration from a reader of swift-configuration. Requires the trait
        /// `ConfigurationSupport`.
        ///
        /// ```swift
        /// let config = ConfigReader(provider: EnvironmentVariablesProvider())
        /// // DATABASE_POOL_MAXIMUM_CONNECTIONS=20, DATABASE_POOL_CHECKOUT_TIMEOUT=500ms
        /// let configuration = try ConnectionPoolConfiguration(config: config.scoped(to: "database.pool"))
        /// ```
        ///
        /// The keys are the names of the properties. Each key is optional.
        ///
        /// - `name` (string)
        /// - `maximumConnections`, `minimumConnections`, `minimumIdleConnections`,
        ///   `maximumConcurrentConnects`, `maximumWaiters` (int)
        /// - `maximumUses` (int, or `never`)
        /// - `checkoutTimeout`, `connectTimeout`, `resetTimeout`, `closeTimeout`, `drainTimeout`, `initialBackoff`,
        ///   `maximumBackoff`, `circuitBreakerThreshold` (duration)
        /// - `validateAfterIdle`, `keepAliveInterval`, `idleTimeout`, `maximumLifetime`, `leakDetectionThreshold` (duration, or
        ///   `never`)
        ///
        /// A duration is a number with a unit, `ns`, `us`, `ms`, `s`, `m` or `h`, such as `500ms`
        /// or `1.5h`. The unit is seconds by default.
        ///
        /// - Parameters:
        ///   - config: The reader, scoped to the keys.
        ///   - defaults: The values of absent keys.
        /// - Throws: ``PoolError`` with the code `invalidConfiguration`, which names the key, if
        ///   a value cannot be parsed or is out of range.
        public init(config: ConfigReader, defaults: ConnectionPoolConfiguration = .init()) throws(PoolError) {
            try self.init(config: config, path: "", defaults: defaults)
        }

        /// Creates a configuration for the configuration of a database pool.
        ///
        /// - Parameters:
        ///   - config: The reader.
        ///   - path: The key of this configuration, such as `pool`, which errors contain; empty if
        ///     the reader is scoped to the keys.
        ///   - defaults: The values of absent keys.
        package init(
            config outer: ConfigReader,
            path: String,
            defaults: ConnectionPoolConfiguration
        ) throws(PoolError) {
            self = defaults
            let config = path.isEmpty ? outer : outer.scoped(to: ConfigKey(path))
            let poolName = config.string(forKey: "name") ?? defaults.name
            let reader = ConfigurationFields(config: config, path: path, pool: poolName)
            try reader.read("name", into: &name)
            try reader.read("maximumConnections", into: &maximumConnections)
            try reader.read("minimumConnections", into: &minimumConnections)
            try reader.read("minimumIdleConnections", into: &minimumIdleConnections)
            try reader.read("maximumConcurrentConnects", into: &maximumConcurrentConnects)
            try reader.read("maximumWaiters", into: &maximumWaiters)
            try reader.read("checkoutTimeout", into: &checkoutTimeout)
            try reader.read("connectTimeout", into: &connectTimeout)
            try reader.read("resetTimeout", into: &resetTimeout)
            try reader.read("closeTimeout", into: &closeTimeout)
            try reader.read("drainTimeout", into: &drainTimeout)
            try reader.read("initialBackoff", into: &initialBackoff)
            try reader.read("maximumBackoff", into: &maximumBackoff)
            try reader.read("circuitBreakerThreshold", into: &circuitBreakerThreshold)
            try reader.read("validateAfterIdle", into: &validateAfterIdle)
            try reader.read("keepAliveInterval", into: &keepAliveInterval)
            try reader.read("idleTimeout", into: &idleTimeout)
            try reader.read("maximumLifetime", into: &maximumLifetime)
            try reader.read("maximumUses", into: &maximumUses)
            try reader.read("leakDetectionThreshold", into: &leakDetectionThreshold)
            do { try validate() } catch { throw error.prefixed(by: path) }
        }
    }

    /// Reads single values. A present value that cannot be parsed is an error, unlike in a
    /// `ConfigReader` with a default.
    package struct ConfigurationFields {
        private let config: ConfigReader
        private let path: String
        private let pool: String

        /// - Parameters:
        ///   - config: The reader, scoped to the keys.
        ///   - path: The part of the keys that precedes the fields; empty for none.
        ///   - pool: The name of the pool, for errors.
        package init(config: ConfigReader, path: String = "", pool: String) {
            self.config = config
            self.path = path
            self.pool = pool
        }

        /// Replaces a value, if its key is present.
        ///
        /// - Throws: `PoolError`, which names the key, if the text is not such a value.
        package func read<Value: ConfigurationValue>(
            _ field: String,
            into value: inout Value,
            isSecret: Bool = false
        ) throws(PoolError) {
            guard let text = text(field, isSecret: isSecret) else { return }
            guard let read = Value(configurationText: text) else { throw mismatch(field, Value.expectation, text) }
            value = read
        }

        /// Replaces a value by the case that a text names, if its key is present.
        ///
        /// - Throws: `PoolError`, which names the key and the cases, if the text names no case.
        package func choose<Value>(
            _ field: String,
            from cases: [Value],
            into value: inout Value
        ) throws(PoolError) {
            guard let text = text(field) else { return }
            guard let choice = cases.first(where: { "\($0)" == text }) else {
                throw mismatch(field, cases.map { "\($0)" }.joined(separator: ", "), text)
            }
            value = choice
        }

        private func mismatch(_ field: String, _ expectation: String, _ text: String) -> PoolError {
            PoolError(invalid: field, "must be \(expectation), not “\(text)”", in: pool).prefixed(by: path)
        }

        /// Returns a value as text, whatever its type; `nil` if its key is absent.
        ///
        /// A typed provider returns only values of the requested type.
        package func text(_ field: String, isSecret: Bool = false) -> String? {
            let key = ConfigKey(field)
            if let text = config.string(forKey: key, isSecret: isSecret) { return text }
            if let number = config.int(forKey: key, isSecret: isSecret) { return "\(number)" }
            if let number = config.double(forKey: key, isSecret: isSecret) { return "\(number)" }
            if let truth = config.bool(forKey: key, isSecret: isSecret) { return "\(truth)" }
            return config.stringArray(forKey: key, isSecret: isSecret)?.description
        }
    }

    /// A value that is read from a text.
    package protocol ConfigurationValue {
        /// The required format, for error messages.
        static var expectation: String { get }

        /// Returns `nil` for a text of another format.
        init?(configurationText text: String)
    }

    extension String: ConfigurationValue {
        package static var expectation: String { "a text" }
        package init?(configurationText text: String) { self = text }
    }

    extension Int: ConfigurationValue {
        package static var expectation: String { "a whole number" }
        package init?(configurationText text: String) { self.init(text) }
    }

    extension Duration: ConfigurationValue {
        package static var expectation: String { "a duration such as 500ms, 10s or 2m" }

        package init?(configurationText text: String) {
            let number = text.prefix { "0123456789.".contains($0) }
            let nanoseconds: Double? =
                switch text.dropFirst(number.count) {
                case "ns": 1
                case "us": 1e3
                case "ms": 1e6
                case "s", "": 1e9
                case "m": 60e9
                case "h": 3_600e9
                default: nil
                }
            guard let count = Double(number), let nanoseconds, count * nanoseconds < 1e18 else { return nil }
            self = .nanoseconds(Int64((count * nanoseconds).rounded()))
        }
    }

    extension Optional: ConfigurationValue where Wrapped: ConfigurationValue {
        package static var expectation: String { "\(Wrapped.expectation), or never" }

        package init?(configurationText text: String) {
            self = nil
            if text == "never" { return }
            guard let wrapped = Wrapped(configurationText: text) else { return nil }
            self = wrapped
        }
    }
#endif
