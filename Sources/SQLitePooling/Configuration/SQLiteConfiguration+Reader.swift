// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if ConfigurationSupport
    public import Configuration
    internal import ConnectionPooling

    extension SQLiteConfiguration {
        /// Creates a configuration from a reader of swift-configuration. Requires the trait
        /// `ConfigurationSupport`.
        ///
        /// ```swift
        /// let config = ConfigReader(provider: EnvironmentVariablesProvider())
        /// // DATABASE_PATH=app.sqlite, DATABASE_POOL_MAXIMUM_CONNECTIONS=8
        /// let configuration = try SQLiteConfiguration(config: config.scoped(to: "database"))
        /// ```
        ///
        /// The keys are the names of the properties. Each key is optional.
        ///
        /// - `path`, or `uri` instead (string)
        /// - `cacheSizeKiB`, `mmapSizeBytes`, `statementCacheCapacity`, `maximumWritesPerCommit`
        ///   (int)
        /// - `busyTimeout` (duration); `maximumReadDuration`, `optimizeInterval` (duration, or
        ///   `never`)
        /// - `foreignKeys`, `optimizesOnClose`, `isDefensive`, `allowsNetworkFileSystems` (`true`
        ///   or `false`)
        /// - `mode` (`readWriteCreate`, `readWrite`, `readOnly` or `immutable`)
        /// - `synchronous` (`normal`, `full`, `extra` or `off`)
        /// - `trust` (`trusted` or `untrusted`), `errorDetail` (`redacted` or `full`)
        /// - `uuids` (`uppercaseText`, `lowercaseText` or `blob`)
        /// - `columnNames` (`asWritten` or `convertFromSnakeCase`)
        /// - `pool.…`: the keys of `ConnectionPoolConfiguration`, such as `pool.checkoutTimeout`
        ///
        /// - Parameters:
        ///   - config: The reader, scoped to the keys.
        ///   - defaults: The values of absent keys, and of properties without a key.
        /// - Throws: ``SQLiteError`` with the code `invalidConfiguration`, which names the key, if
        ///   a value cannot be parsed or is not valid.
        public init(config: ConfigReader, defaults: SQLiteConfiguration = .init()) throws(SQLiteError) {
            self = defaults
            do throws(PoolError) {
                try read(config)
            } catch {
                throw SQLiteError(.invalidConfiguration, "\(error)")
            }
            try readLocation(ConfigurationFields(config: config, pool: pool.name))
            try validate()
        }

        private mutating func read(_ config: ConfigReader) throws(PoolError) {
            pool = try ConnectionPoolConfiguration(config: config, path: "pool", defaults: pool)
            let fields = ConfigurationFields(config: config, pool: pool.name)
            try fields.read("busyTimeout", into: &busyTimeout)
            try fields.read("cacheSizeKiB", into: &cacheSizeKiB)
            try fields.read("mmapSizeBytes", into: &mmapSizeBytes)
            try fields.read("statementCacheCapacity", into: &statementCacheCapacity)
            try fields.read("maximumReadDuration", into: &maximumReadDuration)
            try fields.read("optimizeInterval", into: &optimizeInterval)
            try fields.read("maximumWritesPerCommit", into: &maximumWritesPerCommit)
            try fields.choose("foreignKeys", from: [true, false], into: &foreignKeys)
            try fields.choose("optimizesOnClose", from: [true, false], into: &optimizesOnClose)
            try fields.choose("isDefensive", from: [true, false], into: &isDefensive)
            try fields.choose("allowsNetworkFileSystems", from: [true, false], into: &allowsNetworkFileSystems)
            try fields.choose("mode", from: [.readWriteCreate, .readWrite, .readOnly, .immutable], into: &mode)
            try fields.choose("synchronous", from: [.normal, .full, .extra, .off], into: &synchronous)
            try fields.choose("trust", from: [.trusted, .untrusted], into: &trust)
            try fields.choose("errorDetail", from: [.redacted, .full], into: &errorDetail)
            try fields.choose("uuids", from: [.uppercaseText, .lowercaseText, .blob], into: &uuids)
            try fields.choose("columnNames", from: [.asWritten, .convertFromSnakeCase], into: &columnNames)
        }

        private mutating func readLocation(_ fields: ConfigurationFields) throws(SQLiteError) {
            switch (fields.text("path"), fields.text("uri")) {
            case (let path?, nil): location = .path(path)
            case (nil, let uri?): location = .uri(uri)
            case (_?, _?): throw SQLiteError(.invalidConfiguration, "path and uri must not both be present")
            case (nil, nil): break
            }
        }
    }
#endif
