// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLiteConfiguration {
    /// The default settings of the readers' pool.
    static let defaultPool = ConnectionPoolConfiguration(
        name: unnamed,
        maximumConnections: 4,
        maximumWaiters: 4_096,
        // Recovery reads the whole log.
        connectTimeout: .seconds(8),
        // Opening a file fails immediately, so each caller can try again.
        initialBackoff: .zero,
        maximumBackoff: .zero,
        // A file does not disconnect, and an open one costs almost nothing.
        validateAfterIdle: nil,
        keepAliveInterval: nil,
        idleTimeout: nil,
        maximumLifetime: nil
    )

    /// The name of a configuration that names no pool.
    private static let unnamed = "SQLite"

    /// Returns the configuration with a name that no other unnamed pool of the process has.
    func named() -> SQLiteConfiguration {
        var named = self
        if pool.name == Self.unnamed || pool.name == ConnectionPoolConfiguration.unnamed {
            named.pool.name = ConnectionPoolConfiguration.uniqueName(Self.unnamed)
        }
        return named
    }

    /// The settings of the readers' pool.
    var readerPool: ConnectionPoolConfiguration { poolSettings("readers") }

    /// The settings of the writer's pool.
    var writerPool: ConnectionPoolConfiguration {
        var settings = poolSettings("writer")
        settings.maximumConnections = 1
        settings.minimumConnections = min(settings.minimumConnections, 1)
        settings.minimumIdleConnections = min(settings.minimumIdleConnections, 1)
        return settings
    }

    private func poolSettings(_ role: String) -> ConnectionPoolConfiguration {
        var settings = pool
        settings.name += " " + role
        // The connection's thread makes the test of `validateAfterIdle` before it runs a body.
        settings.validateAfterIdle = nil
        return settings
    }
}
