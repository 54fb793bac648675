// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling

/// A process that exits while it uses a pool over TLS.
///
/// Arguments: the server's URL, the way to exit, and the delay in microseconds.
@main
enum ExitChild {
    static func main() async throws {
        let arguments = CommandLine.arguments
        var configuration = PostgresConfiguration(arguments[1])
        configuration.parameters["sslmode"] = "require"
        configuration.pool.maximumConnections = 4
        let pool = try PostgresPool(configuration)
        let delay = UInt32(arguments[3])!
        switch arguments[2] {
        case "close":
            // More queries than connections: some connection attempts are still in progress when
            // the last query is answered.
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try? await pool.query("SELECT 1") } }
            }
            await pool.close()
        case "shutdown":
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try? await pool.query("SELECT 1") } }
            }
            await pool.shutdown(drain: .zero)
        case "return":
            useForever(pool)
            usleep(delay)
        default:
            useForever(pool)
            Thread.detachNewThread {
                usleep(delay)
                exit(0)
            }
            while true { try await Task.sleep(for: .seconds(60)) }
        }
    }

    /// Keeps connections, connection attempts and cancel requests in progress.
    private static func useForever(_ pool: PostgresPool) {
        for number in 0..<8 {
            Task.detached {
                while true {
                    _ = try? await pool.query("SELECT repeat('x', 100000)", timeout: .milliseconds(200))
                    if number == 0 { pool.evictAll() }
                    if number == 1 { _ = try? await pool.query("SELECT pg_sleep(1)", timeout: .milliseconds(1)) }
                }
            }
        }
    }
}
