// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The factory of a pool's readers or of its writer.
struct SQLiteWorkerFactory: ConnectionFactory {
    let file: SQLiteFile
    let role: DeadlockDetector.Role
    let counter: ConnectionCounter
    let detector: DeadlockDetector

    func connect() async throws -> SQLiteWorker {
        let number = role == .writer ? 0 : counter.nextNumber()
        let name = role == .writer ? "sqlite-write" : "sqlite-read-\(number)"
        let observers = file.observers(ofConnection: number)
        let sharesCommits = role == .writer && file.configuration.maximumWritesPerCommit > 1
        let worker = try SQLiteWorker(
            name: name,
            threads: file.threads,
            sharesCommits: sharesCommits,
            counter: counter,
            detector: detector,
            role: role,
            policy: UsePolicy(file)
        ) { [file, role] () throws(SQLiteError) in
            let session = role == .reader ? try Session.openReader(file) : try Session.openWriter(file)
            session.statementObservers = observers
            return session
        }
        try await worker.open()
        return worker
    }

    func inspect(_ connection: borrowing SQLiteWorker) -> ConnectionHealth {
        connection.isReusable ? .reusable : .broken
    }

    func ping(_ connection: borrowing SQLiteWorker) async -> Bool { await connection.test() }

    /// If a file cannot be opened now, it cannot be opened a moment later.
    func isPermanent(_ error: any Error) -> Bool { true }

    /// The path of the file.
    var target: String? { file.location.filePath }

    func close(_ connection: consuming SQLiteWorker) async {
        await connection.close()
    }
}

/// Counts the connections of one kind. The counts are for monitoring, so that no ordering is
/// needed.
final class ConnectionCounter: Sendable {
    private let started = Atomic(0)
    private let created = Atomic(0)
    private let closed = Atomic(0)
    private let watcher = Locked<CheckedContinuation<Void, Never>?>(nil)

    func nextNumber() -> Int { started.add(1, ordering: .relaxed).newValue }
    func countCreation() { created.add(1, ordering: .relaxed) }

    func countClose() {
        closed.add(1, ordering: .relaxed)
        watcher.withLock { figures.open == 0 ? $0.take() : nil }?.resume()
    }

    /// Suspends until no connection is open. For one caller, of a pool that opens no further
    /// ones.
    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            // A close that is counted after this finds the watcher.
            let isClosed = watcher.withLock { watcher in
                if figures.open > 0 { watcher = continuation }
                return figures.open == 0
            }
            if isClosed { continuation.resume() }
        }
    }

    var figures: SQLitePool.ConnectionFigures {
        let closed = closed.load(ordering: .relaxed)
        return SQLitePool.ConnectionFigures(created: max(created.load(ordering: .relaxed), closed), closed: closed)
    }
}
