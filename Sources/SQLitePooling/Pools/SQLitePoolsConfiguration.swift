// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The settings of ``SQLitePools``.
public struct SQLitePoolsConfiguration: Sendable {
    /// The name in errors and events; `SQLite pools` by default. The name of a pool is this name
    /// and its key.
    public var name = "SQLite pools"

    /// The settings of each pool. The location is not used.
    ///
    /// By default, a pool has one reader beside its writer, 64 waiters for each, a page cache of
    /// 1 MiB and 32 prepared statements for each connection. All other settings are those of
    /// ``SQLiteConfiguration``.
    public var database = Self.defaultDatabase

    /// The maximum number of pools that are open, or being opened or closed, at the same time;
    /// 100 by default.
    ///
    /// It bounds the threads, of which each open connection has one at most, and the descriptors:
    /// ``maximumDescriptors``.
    public var maximumOpenPools = 100

    /// The maximum number of callers that wait for a pool, from 1 to 1,000,000; 4,096 by default.
    /// Further callers are refused at once.
    public var maximumWaiters = 4_096

    /// The longest wait of a caller for a pool, without a timeout of its own; 10 seconds by
    /// default. It includes the time in which the file is opened.
    public var checkoutTimeout = Duration.seconds(10)

    /// Creates a configuration with default values.
    public init() {}

    /// The largest number of descriptors of all pools together: two for each connection, one for
    /// the index of the log, and two for the connection that a writer opens for checkpoints.
    ///
    /// Attached databases and temporary files need further ones.
    public var maximumDescriptors: Int {
        let readers = 2 * database.pool.maximumConnections + 1
        return maximumOpenPools * (database.mode.mayWrite ? readers + 4 : readers)
    }

    private static var defaultDatabase: SQLiteConfiguration {
        var database = SQLiteConfiguration()
        database.pool.maximumConnections = 1
        database.pool.maximumWaiters = 64
        database.cacheSizeKiB = 1_024
        database.statementCacheCapacity = 32
        return database
    }

    /// Checks whether the configuration is valid.
    ///
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration`, whose message names the
    ///   field.
    func validate() throws(SQLiteError) {
        try database.validate()
        try SQLiteConfiguration.check("maximumOpenPools", maximumOpenPools, 1...100_000)
        try SQLiteConfiguration.check("maximumWaiters", maximumWaiters, 1...1_000_000)
        try SQLiteConfiguration.check("checkoutTimeout", checkoutTimeout, .zero ... .seconds(86_400))
        guard let limit = Self.descriptorLimit, maximumDescriptors > limit else { return }
        throw SQLiteError(
            .invalidConfiguration,
            """
            maximumOpenPools: \(maximumOpenPools) pools need up to \(maximumDescriptors) descriptors, and the process may \
            have \(limit): open fewer pools, or raise the limit (ulimit -n)
            """
        )
    }

    /// Returns the settings of the pool of a key.
    func database(named key: String, at location: SQLiteConfiguration.Location) -> SQLiteConfiguration {
        var database = database
        database.location = location
        database.pool.name = "\(name) \(key)"
        return database
    }

    /// The largest number of descriptors that this process may have; `nil` for no limit.
    private static var descriptorLimit: Int? {
        var limit = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard unsafe getrlimit(resource, &limit) == 0 else { return nil }
        return Int(exactly: limit.rlim_cur)
    }
}
