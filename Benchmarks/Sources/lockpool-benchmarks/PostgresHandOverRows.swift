// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)

    import CPostgresBaseline

    /// Measures the cost of a hand-over between the thread that waits for answers and the thread
    /// that continues: the selects of ``PostgresSelectRows`` on 16 connections with libpq alone,
    /// from one thread, from two, and from tasks.
    enum PostgresHandOverRows {
        static func selects(_ server: PostgresSelectRows.Server, _ seconds: Double) async -> [(String, Double)] {
            let url = server.url + "?sslmode=disable"
            let accounts = Int32(server.accounts)
            return [
                ("onethread", postgres_baseline_selects(url, 16, accounts, seconds, 0)),
                ("twothreads", postgres_baseline_selects(url, 16, accounts, seconds, 1)),
                ("tasks", await tasks(url, accounts, seconds)),
            ]
        }

        /// The waiting task of each connection.
        private final class Waiters: @unchecked Sendable {
            let continuations = UnsafeMutablePointer<UnsafeContinuation<Void, Never>?>.allocate(capacity: 16)
            let selects: OpaquePointer

            init(_ selects: OpaquePointer) {
                self.selects = selects
                continuations.initialize(repeating: nil, count: 16)
            }

            deinit { continuations.deallocate() }
        }

        /// One task for each connection, without the parts of a pool: no queue, no deadline, no
        /// cancellation, no lookup of statements, no error and no row.
        private static func tasks(_ url: String, _ accounts: Int32, _ seconds: Double) async -> Double {
            guard let selects = postgres_selects_open(url, 16, accounts) else { fatalError("no connections") }
            let waiters = Waiters(selects)
            postgres_selects_start(
                selects,
                { context, index in
                    let waiters = Unmanaged<Waiters>.fromOpaque(context!).takeUnretainedValue()
                    waiters.continuations[Int(index)]!.resume()
                },
                Unmanaged.passUnretained(waiters).toOpaque()
            )
            let (turns, elapsed) = await SaturationRows.race(tasks: 16, seconds: seconds) { task, isOver in
                var turns = 0
                let index = Int32(task)
                while !isOver() {
                    postgres_selects_send(waiters.selects, index)
                    await withUnsafeContinuation { continuation in
                        waiters.continuations[task] = continuation
                        if postgres_selects_await(waiters.selects, index) != 0 { continuation.resume() }
                    }
                    postgres_selects_finish(waiters.selects, index)
                    turns += 1
                }
                return turns
            }
            postgres_selects_close(selects)
            return Double(turns.reduce(0, +)) / elapsed * 1e9
        }
    }

#endif
