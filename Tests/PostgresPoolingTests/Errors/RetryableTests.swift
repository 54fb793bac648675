// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct RetryableTests {
    @Test(
        "A server error is retryable if another attempt may succeed",
        arguments: [
            ("40001", true), ("40P01", true), ("55P03", true), ("53300", true), ("57P03", true),
            ("23505", false), ("22012", false), ("25006", false), ("25P02", false), ("40003", false),
            ("42601", false), ("57014", false), ("53100", false),
        ]
    )
    func server(_ state: String, _ isRetryable: Bool) {
        let fields = PostgresError.ServerFields(sqlState: PostgresError.SQLState(state), severity: "ERROR", message: "")
        let error = PostgresError(.server, "", server: fields)
        #expect(error.isRetryable == isRetryable, "\(state)")
        #expect(error.outcome == (state == "40003" ? .unknown : .rolledBack), "\(state)")
        // The same for a statement or a transaction whose outcome is unknown.
        #expect(!PostgresError(.outcomeUnknown, "", server: fields).isRetryable, "\(state)")
    }

    @Test("A code implies the outcome if the error does not specify it")
    func codes() {
        let outcomes: [(PostgresError.Code, PostgresError.Outcome)] = [
            (.connectFailed, .notExecuted), (.encoding, .notExecuted), (.invalidConfiguration, .notExecuted),
            (.transactionAborted, .rolledBack), (.decoding, .executed), (.columnCount, .executed),
            (.timedOut, .unknown), (.cancelled, .unknown), (.outcomeUnknown, .unknown), (.streamEnded, .unknown),
            (.transactionControl, .unknown), (.unsupported, .unknown),
        ]
        for (code, outcome) in outcomes {
            #expect(PostgresError(code, "").outcome == outcome, "\(code)")
            #expect(!PostgresError(code, "").isRetryable, "\(code)")
        }
        #expect(PostgresError(.connectFailed, "", isUnreached: true).isRetryable)
    }
}
