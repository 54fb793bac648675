// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
public import Hummingbird
public import Logging
import ServiceLifecycle
import UnixSignals

/// The HTTP server of a store.
public func linkApplication(
    _ store: some LinkStore,
    settings: Settings,
    logger: Logger
) -> some ApplicationProtocol {
    var application = Application(
        router: linkRouter(store),
        configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port)),
        onServerRunning: { channel in
            // With port 0 the system chooses one. `print` would buffer output to a pipe.
            guard let port = channel.localAddress?.port else { return }
            FileHandle.standardOutput.write(Data("Listening on http://\(settings.host):\(port)\n".utf8))
        },
        logger: logger
    )
    application.beforeServerStarts { try await store.prepare() }
    return application
}

/// Runs the service until SIGTERM or SIGINT.
///
/// Then the server refuses new connections and answers the requests that it has received, and the
/// pool closes its connections. When the pool's `drainTimeout` has passed since the signal, the
/// pool interrupts its connections, which ends requests that wait for a lock on the server.
/// Requests that still run a `closeTimeout` later are cancelled. In the worst case this takes the
/// `drainTimeout` and three times the `closeTimeout`: 21 seconds with the defaults.
public func serve(_ store: some LinkStore, settings: Settings, logger: Logger) async throws {
    let application = linkApplication(store, settings: settings, logger: logger)
    var configuration = ServiceGroupConfiguration(
        // In the order of starting. They stop in reverse order, so the notice receives the signal
        // first.
        services: [store, application, store.shutdownNotice],
        gracefulShutdownSignals: [.sigterm, .sigint],
        logger: logger
    )
    configuration.maximumGracefulShutdownDuration = settings.pool.drainTimeout + settings.pool.closeTimeout
    try await ServiceGroup(configuration: configuration).run()
}
