// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if ConfigurationSupport
    public import Configuration
    internal import ConnectionPooling

    extension PostgresConfiguration {
        /// Creates a configuration from a reader of swift-configuration. Requires the trait
        /// `ConfigurationSupport`.
        ///
        /// ```swift
        /// let config = ConfigReader(provider: EnvironmentVariablesProvider())
        /// // DATABASE_SERVER=postgres://db.example.com/app, DATABASE_POOL_MAXIMUM_WAITERS=100
        /// let configuration = try PostgresConfiguration(config: config.scoped(to: "database"))
        /// ```
        ///
        /// The keys are the names of the properties. Each key is optional.
        ///
        /// - `server`, `password` (string; read as secrets), `applicationName` (string)
        /// - `statementCacheCapacity`, `statementCacheBytes` (int)
        /// - `addressTimeout`, `statementTimeout` (duration, or `never`)
        /// - `reset` (`whenChanged`, `always` or `transactionOnly`)
        /// - `pooler` (`detect`, `session` or `transaction`)
        /// - `columnNames` (`asWritten` or `convertFromSnakeCase`)
        /// - `pool.…`: the keys of `ConnectionPoolConfiguration`, such as `pool.checkoutTimeout`
        ///
        /// - Parameters:
        ///   - config: The reader, scoped to the keys.
        ///   - defaults: The values of absent keys, and of properties without a key.
        /// - Throws: ``PostgresError`` with the code `invalidConfiguration`, which names the key,
        ///   if a value cannot be parsed or is not valid.
        public init(config: ConfigReader, defaults: PostgresConfiguration = .init()) throws(PostgresError) {
            self = defaults
            do throws(PoolError) {
                try read(config)
            } catch {
                throw PostgresError(.invalidConfiguration, "\(error)")
            }
            try validate()
        }

        private mutating func read(_ config: ConfigReader) throws(PoolError) {
            pool = try ConnectionPoolConfiguration(config: config, path: "pool", defaults: pool)
            let fields = ConfigurationFields(config: config, pool: pool.name)
            try fields.read("server", into: &server, isSecret: true)
            if let password = fields.text("password", isSecret: true), !password.isEmpty {
                self.password = { password }
            }
            if let name = fields.text("applicationName"), !name.isEmpty { applicationName = name }
            try fields.read("addressTimeout", into: &addressTimeout)
            try fields.read("statementTimeout", into: &statementTimeout)
            try fields.read("statementCacheCapacity", into: &statementCacheCapacity)
            try fields.read("statementCacheBytes", into: &statementCacheBytes)
            try fields.choose("reset", from: PostgresConfiguration.ResetPolicy.allCases, into: &reset)
            try fields.choose("pooler", from: PostgresConfiguration.Pooler.allCases, into: &pooler)
            try fields.choose("columnNames", from: [.asWritten, .convertFromSnakeCase], into: &columnNames)
        }
    }
#endif
