// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
    import CPostgresBaseline
    import Foundation
    import PostgresPooling

    /// PostgreSQL: single statements of many tasks on few shared connections. The part
    /// `multiplexing`.
    enum PostgresMultiplexingRows {
        private static let tasks = 64
        private static let connections = 4

        static func run(
            _ server: PostgresSelectRows.Server,
            _ options: Options,
            into report: inout Report
        ) async throws {
            let seconds = options.isQuick ? 0.6 : 5
            let mode = PostgresConfiguration.Multiplexing.singleStatements(connections: connections)
            func selects(
                _ server: PostgresSelectRows.Server,
                connections: Int = connections,
                tasks: Int = tasks,
                multiplexing: PostgresConfiguration.Multiplexing = .off
            ) async throws -> Double {
                try await PostgresSelectRows.selects(
                    server,
                    connections: connections,
                    tasks: tasks,
                    seconds: seconds,
                    multiplexing: multiplexing
                )
            }
            let distant = PostgresSelectRows.Server(url: delayed(server.url), accounts: server.accounts)
            for round in 0...options.rounds {
                let exclusive = try await PostgresSelectRows.executorSelects(
                    server,
                    connections: 16,
                    tasks: 16,
                    seconds: seconds
                )
                let shared = try await PostgresSelectRows.executorSelects(
                    server,
                    connections: connections,
                    tasks: tasks,
                    seconds: seconds,
                    multiplexing: mode
                )
                let baseline = postgres_baseline_pipelined(
                    server.url + "?sslmode=disable",
                    Int32(connections),
                    Int32(tasks / connections),
                    Int32(server.accounts),
                    seconds
                )
                let cooperativeExclusive = try await selects(server, connections: 16, tasks: 16)
                let cooperativeShared = try await selects(server, multiplexing: mode)
                let distantExclusive = try await selects(distant)
                let distantShared = try await selects(distant, multiplexing: mode)
                if round == 0 { continue }  // warm-up
                report.add("postgres.pipelined.c4t64.tps", shared, "1/s")
                report.add("postgres.pipelined.c4t64.perc16", shared / exclusive, "× select.c16's")
                report.add("libpq.pipelined.c4d16.tps", baseline, "1/s")
                report.add("postgres.pipelined.c4t64.perlibpq", shared / baseline, "× libpq.pipelined's")
                report.add("postgres.pipelined.cooperative.c4t64.tps", cooperativeShared, "1/s")
                report.add(
                    "postgres.pipelined.cooperative.c4t64.perc16",
                    cooperativeShared / cooperativeExclusive,
                    "× cooperative.c16's"
                )
                report.add("postgres.pipelined.delay1ms.tps", distantShared, "1/s")
                report.add("postgres.pipelined.delay1ms.perexclusive", distantShared / distantExclusive, "× exclusive")
            }
        }

        /// The nanoseconds that the proxy adds in each direction.
        private static let delay = 500_000

        /// Returns the URL of a proxy to the server that adds a millisecond to each round trip.
        private static func delayed(_ url: String) -> String {
            guard var components = URLComponents(string: url), let port = components.port else {
                Options.fail("the URL of the server has no port")
            }
            components.port = Int(postgres_baseline_delay(Int32(port), delay))
            return components.string!
        }
    }
#endif
