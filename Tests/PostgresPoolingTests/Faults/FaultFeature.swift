// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling
import Testing

/// A call of the pool that may be disturbed at each of its messages. It stores rows with the
/// number of the call in the table `fault`, or reads some.
enum FaultFeature: String, CaseIterable, Codable {
    case query, execute, transaction, stream, pipeline, pipelineInParts, copyIn, copyBytes, copyOut, executeMany
    case repeatedTransaction, advisoryLock, notify

    /// The number of rows that the call stores in each of its transactions.
    var stored: [Int] {
        switch self {
        case .query, .stream, .copyOut, .notify: []
        case .execute, .repeatedTransaction, .advisoryLock: [1]
        case .transaction, .pipeline: [2]
        case .pipelineInParts: [1, 2, 1]
        case .copyIn: [100]
        case .copyBytes, .executeMany: [5]
        }
    }

    /// Whether a cancellation, or the end of the time, before `COMMIT` was sent means that nothing
    /// was stored. The statements of the others are transactions of their own, which may have been
    /// committed.
    var isUndoneByEnd: Bool {
        switch self {
        case .transaction, .repeatedTransaction, .advisoryLock: true
        default: false
        }
    }

    /// Returns the number of messages to the server before the first one that may commit, among
    /// those of an undisturbed call. Up to then, an error knows that nothing is stored.
    func commit(in messages: [FaultProxy.Message]) -> Int {
        switch self {
        case .transaction, .repeatedTransaction, .advisoryLock: messages.count - 1
        // The end of a little data is sent with it.
        case .copyIn, .copyBytes: messages.firstIndex { $0.type == "d" }!
        default: 0
        }
    }

    /// Makes the call.
    ///
    /// - Parameter parts: Receives what has become of each of several transactions.
    func run(
        on pool: PostgresPool,
        _ call: Int,
        timeout: Duration?,
        parts: Counted<PostgresPipeline.Result<PostgresCommand>>
    ) async throws {
        func insert(_ part: Int = 0) -> PostgresQuery { "INSERT INTO fault (call, part) VALUES (\(call), \(part))" }
        switch self {
        case .query:
            try await equal(pool.query("SELECT \(call) + 1", as: Int.self, timeout: timeout), [call + 1])
        case .execute: try await pool.execute(insert(), timeout: timeout)
        case .transaction:
            try await pool.withTransaction(timeout: timeout) { db in
                try await db.execute(insert())
                try await db.withSavepoint { db in try await db.execute(insert()) }
            }
        case .stream:
            try await pool.withConnection(timeout: timeout) { db in
                var sum = 0
                for try await row in db.stream("SELECT generate_series(1, 10)") { sum += try row.decode(as: Int.self) }
                #expect(sum == 55)
            }
        case .pipeline:
            let result = try await pool.withPipeline(timeout: timeout) { pipeline in
                pipeline.execute(insert())
                pipeline.execute(insert())
                return pipeline.query("SELECT \(call)", as: Int.self)
            }
            try equal(result.get(), [call])
        case .pipelineInParts:
            try await pool.withPipeline(timeout: timeout) { pipeline in
                for (part, count) in stored.enumerated() {
                    for _ in 1..<count { pipeline.execute(insert(part)) }
                    parts.add(pipeline.execute(insert(part)))
                    pipeline.sync()
                }
            }
        case .copyIn:
            let count = try await pool.copy(to: "fault", columns: ["call", "part"], timeout: timeout) { writer in
                for _ in 1...100 { try await writer.write(call, 0) }
            }
            #expect(count == 100)
        case .copyBytes:
            // Several messages.
            let note = String(repeating: "x", count: 40_000)
            let count = try await pool.copy("COPY fault FROM STDIN", timeout: timeout) { writer in
                for _ in 1...5 { try await writer.write("\(call)\t0\t\(note)\n".utf8) }
            }
            #expect(count == 5)
        case .copyOut:
            try await pool.withConnection(timeout: timeout) { db in
                var sum = 0
                for try await number in db.copy(from: "SELECT generate_series(1, 10)", as: Int.self) { sum += number }
                #expect(sum == 55)
            }
        case .executeMany:
            let count = try await pool.executeMany(1...5, timeout: timeout) { _ in insert() }
            #expect(count == 5)
        case .repeatedTransaction:
            try await pool.withTransaction(
                isolation: .serializable,
                retry: .serializationFailures(attempts: 3, backOff: .zero),
                timeout: timeout
            ) { db in try await db.execute(insert()) }
        case .advisoryLock:
            try await pool.withAdvisoryLock("fault", timeout: timeout) { db in try await db.execute(insert()) }
        case .notify: try await pool.notify("fault", payload: "\(call)", timeout: timeout)
        }
    }
}
