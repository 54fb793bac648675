// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresConnectionFactory {
    /// The hooks of a program, whose `afterConnect` leaves a connection as a lease does: inspected, and reset if it needs that.
    func preparing(_ hooks: ConnectionHooks<PostgresConnection>) -> ConnectionHooks<PostgresConnection> {
        guard let afterConnect = hooks.afterConnect else { return hooks }
        var hooks = hooks
        hooks.afterConnect = { connection in
            try await afterConnect(connection)
            switch inspect(connection) {
            case .reusable: return
            case .needsReset: if await reset(connection) { return }
            case .broken, .discarded: break
            }
            throw PostgresError(.connectFailed, "the connection could not be reset after the hook afterConnect")
        }
        return hooks
    }
}
