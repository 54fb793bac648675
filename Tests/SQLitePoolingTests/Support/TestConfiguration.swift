// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import SQLitePooling

extension SQLiteConfiguration {
    /// The default configuration with a long checkout timeout: on a slow machine, a test that
    /// exceeds it has another error.
    static var patient: Self { .with(checkoutTimeout: .seconds(600)) }

    /// Returns a configuration with some fields set, for arguments of tests.
    static func with(
        mode: Mode = .readWriteCreate,
        maximumReaders: Int = 4,
        busyTimeout: Duration = .seconds(5),
        synchronous: Synchronous = .normal,
        foreignKeys: Bool = true,
        cacheSizeKiB: Int = 8_192,
        mmapSizeBytes: Int = 0,
        checkoutTimeout: Duration = .seconds(10),
        maximumWaiters: Int = 4_096,
        statementCacheCapacity: Int = 128,
        pragmas: [SQLiteConfiguration.Pragma] = [],
        setup: [SQLiteQuery] = [],
        optimizesOnClose: Bool = true,
        maximumWritesPerCommit: Int = 1
    ) -> Self {
        var configuration = Self()
        configuration.mode = mode
        configuration.pool.maximumConnections = maximumReaders
        configuration.busyTimeout = busyTimeout
        configuration.synchronous = synchronous
        configuration.foreignKeys = foreignKeys
        configuration.cacheSizeKiB = cacheSizeKiB
        configuration.mmapSizeBytes = mmapSizeBytes
        configuration.pool.checkoutTimeout = checkoutTimeout
        configuration.pool.maximumWaiters = maximumWaiters
        configuration.statementCacheCapacity = statementCacheCapacity
        configuration.pragmas = pragmas
        configuration.setup = setup
        configuration.optimizesOnClose = optimizesOnClose
        configuration.maximumWritesPerCommit = maximumWritesPerCommit
        return configuration
    }

    /// Returns the configuration for the file at `path`.
    func at(_ path: String) -> Self {
        var configuration = self
        configuration.location = .path(path)
        return configuration
    }

    /// Returns the configuration for the file that `uri` names.
    func at(uri: String) -> Self {
        var configuration = self
        configuration.location = .uri(uri)
        return configuration
    }
}
