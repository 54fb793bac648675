// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

@testable import SQLitePooling

/// Runs `body` while a call holds the writer.
///
/// - Parameter body: Receives a closure that lets the call end, and calls it once.
func withHeldWriter(_ pool: SQLitePool, _ body: (_ release: () -> Void) async throws -> Void) async throws {
    let meeting = Rendezvous()
    let holder = Task {
        while true {
            do {
                return try await pool.writeWithoutTransaction { _ in
                    meeting.arrive()
                    meeting.wait()
                }
            } catch let error as PoolError where error.code == .timedOut {
                // The pool's checkout timeout may be shorter than opening the connection takes.
            }
        }
    }
    await meeting.arrived()
    do {
        try await body { meeting.release() }
    } catch {
        meeting.release()
        throw error
    }
    try await holder.value
}

/// Makes all `bodies` wait for the writer, in order, and then run in one group, if writes are
/// grouped.
///
/// - Returns: The outcomes.
func inGroup(
    _ pool: SQLitePool,
    _ bodies: [@Sendable (borrowing SQLiteConnection) throws -> Void]
) async throws -> [Result<Void, any Error>] {
    var tasks: [Task<Void, any Error>] = []
    try await withHeldWriter(pool) { release in
        for body in bodies {
            tasks.append(Task { try await pool.write { db in try body(db) } })
            while pool.writer.status.waiting < tasks.count { await Task.yield() }
        }
        release()
    }
    var results: [Result<Void, any Error>] = []
    for task in tasks { results.append(await task.result) }
    return results
}
