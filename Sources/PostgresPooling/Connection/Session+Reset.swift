// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// Restores a session for the next lease.

extension Session {
    /// The statements that reset a session, except the setup and prepared statements.
    ///
    /// The same as `DISCARD ALL`, which would also drop the pool's prepared statements. There is
    /// one difference: `RESET ROLE` restores the role that `ALTER ROLE … SET role` sets at login.
    private static let resetScript = """
        CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; \
        SELECT pg_advisory_unlock_all()
        """

    /// A further column of the last row: whether `PREPARE` has left statements. It takes longer
    /// than the rest of the reset.
    private static let leftoverCheck = ", EXISTS (SELECT FROM pg_prepared_statements WHERE from_sql)"

    /// Runs the statements of the setup, and marks the session as new.
    ///
    /// - Throws: `PostgresError` of a statement; with the code `invalidConfiguration` if the setup
    ///   changes `client_encoding`, or if the server does not use UTF-8.
    func setUp(_ setup: [PostgresQuery], _ limit: WaitLimit) async throws(PostgresError) {
        do throws(PostgresError) {
            for query in setup { _ = try await run(query, limit) }
            try requireUTF8(sql: "")
        } catch {
            if isUTF8 { throw error }
            throw PostgresError(
                .invalidConfiguration,
                "client_encoding of a new connection must be UTF8; do not change it in the setup",
                sql: error.sql
            )
        }
        state.isChanged = false
        state.isUsed = false
        state.reports = reports
    }

    private var reports: SessionState.Reports {
        var reports = SessionState.Reports()
        var index: Int32 = 0
        while let name = unsafe clockpool_compared_setting(index) {
            index += 1
            guard let value = unsafe PQparameterStatus(handle, name) else {
                reports.values.append(0)
                continue
            }
            unsafe reports.values += UnsafeBufferPointer(start: value, count: strlen(value) + 1)
            // Finding that a parameter is missing takes longest, so those after the last reported
            // one are not looked up.
            reports.count = index
        }
        return reports
    }

    /// Whether the session needs a reset before the next lease, as far as is known without a round
    /// trip.
    func needsReset(_ policy: PostgresConfiguration.ResetPolicy) -> Bool {
        if !isUTF8 { return true }
        return switch policy {
        case .transactionOnly: false
        case .always: state.isUsed
        case .whenChanged: state.isChanged || !reportsMatch
        }
    }

    /// Makes the session as it is the one that no statement of this lease has changed. A hook may
    /// have changed it before the lease.
    ///
    /// - Returns: Whether it needs a reset after the lease in any case.
    func acceptChanges(_ policy: PostgresConfiguration.ResetPolicy) -> Bool {
        guard needsReset(policy) else { return false }
        state.isChanged = false
        state.reports = reports
        return true
    }

    /// Whether the parameters that the server reports are those from after the setup.
    private var reportsMatch: Bool {
        unsafe state.reports.values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return true }
            return unsafe clockpool_reports_match(handle, start, state.reports.count) != 0
        }
    }

    /// Ends the current statement, rolls back, and restores the session according to the policy.
    ///
    /// - Returns: Whether the reset succeeded.
    func reset(_ policy: PostgresConfiguration.ResetPolicy, setup: [PostgresQuery], within duration: Duration) async
        -> Bool
    {
        let limit = WaitLimit.uncancelled(for: duration)
        guard await recover(by: limit.deadline) else { return false }
        do throws(PostgresError) {
            if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE { try await runScript("ROLLBACK", limit) }
            if policy != .transactionOnly, needsReset(policy) { try await restore(setup, limit) }
        } catch {
            return false
        }
        return unsafe PQtransactionStatus(handle) == PQTRANS_IDLE && isUTF8
    }

    private func restore(_ setup: [PostgresQuery], _ limit: WaitLimit) async throws(PostgresError) {
        let isChanged = state.isChanged
        let result = try await runScript(Session.resetScript + (isChanged ? Session.leftoverCheck : ""), limit)
        let hasLeftovers = unsafe isChanged && result.bytes(row: 0, column: 1)?.first == UInt8(ascii: "t")
        if hasLeftovers || state.hasOwnStatements { try await runScript("DEALLOCATE ALL", limit) }
        state.hasOwnStatements = false
        try await setUp(setup, limit)
    }
}
