// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SeededBug {
    /// Bugs of PostgresPooling.
    static let postgres: [SeededBug] = [
        SeededBug(
            "A COPY that is lost before it begins has an unknown outcome",
            in: "PostgresPooling/Copy/Session+Copy.swift",
            "throw TransactionScanner.isCopyFromClient(text) ? error.undone : error",
            "throw error",
            foundBy: "PostgresPoolingTests.FaultPointTests/calls"
        ),
        SeededBug(
            "The reset omits SET SESSION AUTHORIZATION DEFAULT",
            in: "PostgresPooling/Connection/Session+Reset.swift",
            "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE;",
            "CLOSE ALL; RESET ROLE;",
            foundBy: "PostgresPoolingTests.ResetPolicyTests/leak"
        ),
        SeededBug(
            "The reset omits DISCARD SEQUENCES",
            in: "PostgresPooling/Connection/Session+Reset.swift",
            "DISCARD TEMP; DISCARD SEQUENCES;",
            "DISCARD TEMP;",
            foundBy: "PostgresPoolingTests.ResetPolicyTests/leak"
        ),
        SeededBug(
            "A failed body is not rolled back",
            in: "PostgresPooling/Transactions/PostgresConnection+Transactions.swift",
            """
                        await undo("ROLLBACK", by: outer)
                        throw error
            """,
            "            throw error",
            foundBy: "PostgresPoolingTests.SameLeaseTests/rollback"
        ),
        SeededBug(
            "An open transaction survives the reset",
            in: "PostgresPooling/Connection/Session+Reset.swift",
            #"if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE { try await runScript("ROLLBACK", limit) }"#,
            "",
            foundBy: "PostgresPoolingTests.TransactionTests/leftOpen"
        ),
        SeededBug(
            "The reset omits the setup",
            in: "PostgresPooling/Connection/Session+Reset.swift",
            """
                    try await setUp(setup, limit)
                }
            }
            """,
            """
                }
            }
            """,
            foundBy: "PostgresPoolingTests.TransactionTests/settings"
        ),
        SeededBug(
            "Statements that a lease prepares survive the reset",
            in: "PostgresPooling/Connection/Session+Reset.swift",
            "if hasLeftovers || state.hasOwnStatements {",
            "if hasLeftovers && state.hasOwnStatements {",
            foundBy: "PostgresPoolingTests.ResetPolicyTests/leak"
        ),
        SeededBug(
            "A session that was reset once is reset on each release",
            in: "PostgresPooling/Connection/Session+Reset.swift",
            """
                    state.isChanged = false
                    state.isUsed
            """,
            "        state.isUsed",
            foundBy: "PostgresPoolingTests.ResetPolicyTests/once"
        ),
        SeededBug(
            "A UTC offset of +14:00 is rejected",
            in: "PostgresPooling/Coding/Times/TimeText.swift",
            "hours < 16 else",
            "hours < 14 else",
            foundBy: "PostgresPoolingTests.OffsetTests/all"
        ),
        SeededBug(
            "The earliest remaining deadline is not armed again after a sweep",
            in: "PostgresPooling/Reactor/Reactor.swift",
            "if earliest != Reactor.never { arm(earliest) }",
            "_ = earliest",
            foundBy: "PostgresPoolingTests.ReactorDeadlineTests/laterDeadline"
        ),
        SeededBug(
            "The reactor sleeps for microseconds as if they were milliseconds",
            in: "PostgresPooling/Reactor/Reactor.swift",
            "(deadline - now) / 1_000_000 + 1",
            "(deadline - now) / 1_000 + 1",
            foundBy: "PostgresPoolingTests.ReactorDeadlineTests/laterDeadline"
        ),
        SeededBug(
            "A transaction within another begins",
            in: "PostgresPooling/Transactions/PostgresConnection+Transactions.swift",
            #"guard try await !isReadyInTransaction("BEGIN") else"#,
            #"guard try await !isReadyInTransaction("BEGIN") || readOnly else"#,
            foundBy: "PostgresPoolingTests.TransactionControlTests/nested"
        ),
        SeededBug(
            "A commit that the server turns into a rollback succeeds",
            in: "PostgresPooling/Transactions/PostgresConnection+Transactions.swift",
            #"if tag == "ROLLBACK" {"#,
            #"if tag == "ABORT" {"#,
            foundBy: "PostgresPoolingTests.TransactionTests/aborted"
        ),
        SeededBug(
            "A statement that ends the transaction of its body causes no error",
            in: "PostgresPooling/Connection/Session+Execution.swift",
            """
                            if state.transactions.obstacle != nil, let error = controlError(sql: sql) { throw error }
                            guard let last
            """,
            "                guard let last",
            foundBy: "PostgresPoolingTests.TransactionControlTests/control"
        ),
        SeededBug(
            "A savepoint whose body swallowed an error is released",
            in: "PostgresPooling/Transactions/PostgresConnection+Transactions.swift",
            "if unsafe PQtransactionStatus(session.handle) == PQTRANS_INERROR {",
            "if unsafe PQtransactionStatus(session.handle) == PQTRANS_UNKNOWN {",
            foundBy: "PostgresPoolingTests.TransactionControlTests/swallowedError"
        ),
        SeededBug(
            "The cache holds one prepared statement more than its capacity",
            in: "PostgresPooling/Statements/StatementCache+Eviction.swift",
            "names.count < capacity &&",
            "names.count <= capacity &&",
            foundBy: "PostgresPoolingTests.StatementCacheTests/eviction"
        ),
        SeededBug(
            "The bytes of an evicted statement stay counted",
            in: "PostgresPooling/Statements/StatementCache+Eviction.swift",
            "preparedBytes -= prepared.byteCount",
            "",
            foundBy: "PostgresPoolingTests.StatementCacheTests/bytes"
        ),
        SeededBug(
            "A timetz is sent with the sign of ISO 8601",
            in: "PostgresPooling/Coding/Times/PostgresTimeTZ.swift",
            "Int32(-secondsFromUTC)",
            "Int32(secondsFromUTC)",
            foundBy: "PostgresPoolingTests.TimeTypeTests/ends"
        ),
        SeededBug(
            "Midnight belongs to the previous day",
            in: "PostgresPooling/Coding/Times/PostgresTimestamp.swift",
            "return parts.remainder < 0 ?",
            "return parts.remainder <= 0 ?",
            foundBy: "PostgresPoolingTests.TimeTypeTests/ends"
        ),
        SeededBug(
            "A range contains its exclusive upper bound",
            in: "PostgresPooling/Coding/Structures/PostgresRange.swift",
            "case .exclusive(let bound): value < bound",
            "case .exclusive(let bound): value <= bound",
            foundBy: "PostgresPoolingTests.RangeTests/containment"
        ),
        SeededBug(
            "An array may have seven dimensions",
            in: "PostgresPooling/Coding/PostgresArray+Dimensions.swift",
            "innerDimensions < 6 ?",
            "innerDimensions <= 6 ?",
            foundBy: "PostgresPoolingTests.ArrayTests/refusals"
        ),
        SeededBug(
            "A server receives one concurrent cancel request more than allowed",
            in: "PostgresPooling/Connecting/CancelThreads.swift",
            "if busy >= perServer {",
            "if busy > perServer {",
            foundBy: "PostgresPoolingTests.HostileServerTests/unansweredCancelRequests"
        ),
        SeededBug(
            "A deadlock is not retryable",
            in: "PostgresPooling/Errors/PostgresError+Outcome.swift",
            "case .serializationFailure, .deadlockDetected,",
            "case .serializationFailure,",
            foundBy: "PostgresPoolingTests.RetryableTests/server"
        ),
        SeededBug(
            "A statement whose completion is unknown counts as rolled back",
            in: "PostgresPooling/Errors/PostgresError+Outcome.swift",
            #"case .server: sqlState == "40003" ? .unknown : .rolledBack"#,
            "case .server: .rolledBack",
            foundBy: "PostgresPoolingTests.RetryableTests/server"
        ),
        SeededBug(
            "The error of a statement is ignored",
            in: "PostgresPooling/Connection/Session+Execution.swift",
            "if let failed { throw failure(of: failed, sql: sql)! }",
            "_ = failed",
            foundBy: "PostgresPoolingTests.StatementTests/serverError"
        ),
        SeededBug(
            "A statement does not check whether text is UTF-8",
            in: "PostgresPooling/Connection/Session+Execution.swift",
            """
                            try requireUTF8(sql: sent)
                            return result
            """,
            "                return result",
            foundBy: "PostgresPoolingTests.ClientEncodingTests/changed"
        ),
        SeededBug(
            "A cancelled task sends its statement",
            in: "PostgresPooling/Connection/Session+Recovery.swift",
            """
                        if Task.isCancelled {
                            throw PostgresError(
            """,
            """
                        if Task.isCancelled, isLost {
                            throw PostgresError(
            """,
            foundBy: "PostgresPoolingTests.CancellationTests/beforehand"
        ),
        SeededBug(
            "An idle connection that the server has closed stays in the pool",
            in: "PostgresPooling/Reactor/Session+Reactor.swift",
            "if case .idle = meaning { watcher.inspect(self) }",
            "_ = meaning",
            foundBy: "PostgresPoolingTests.HealthTests/idleDeath"
        ),
        SeededBug(
            "A stream does not end the previous one",
            in: "PostgresPooling/Results/PostgresRowStream.swift",
            "statement = session.endStreams()",
            "statement = nil",
            foundBy: "PostgresPoolingTests.StreamTests/twoIterations"
        ),
        SeededBug(
            "The microseconds of an instant are truncated",
            in: "PostgresPooling/Coding/Times/Date+Postgres.swift",
            "- seconds) * 1_000_000).rounded()",
            "- seconds) * 1_000_000).rounded(.down)",
            foundBy: "PostgresPoolingTests.EncodingTests/microseconds"
        ),
        SeededBug(
            "A pool that closes waits for its connection attempts",
            in: "PostgresPooling/Connecting/ConnectAttempts.swift",
            "for attempt in running { attempt.interrupt() }",
            "_ = running",
            foundBy: "PostgresPoolingTests.HostileServerTests/closing"
        ),
        SeededBug(
            "Observers of statements receive the values of settings",
            in: "PostgresPooling/Connection/PostgresConnection+Queries.swift",
            "session.observe(shown ?? text)",
            "session.observe(text)",
            foundBy: "PostgresPoolingTests.StatementObserverTests/transactions"
        ),
        SeededBug(
            "A stream that is left early has no event",
            in: "ConnectionPooling/Observability/StatementObservation.swift",
            "deinit { endEarly() }",
            "",
            foundBy: "PostgresPoolingTests.StatementObserverTests/streams"
        ),
    ]
}
