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

// How the session of a connection becomes what the next lease expects.

extension Link {
    /// Restores a session, all but the statements of the setup and prepared statements.
    ///
    /// As `DISCARD ALL`, which would forget the pool's prepared statements, with one difference: `RESET ROLE` brings back a role that
    /// `ALTER ROLE … SET role` has given at the start.
    private static let restoration = """
        CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; \
        SELECT pg_advisory_unlock_all()
        """

    /// A further column of the last row: whether `PREPARE` has left statements. It takes longer than all of the restoration.
    private static let leftover = ", EXISTS (SELECT FROM pg_prepared_statements WHERE from_sql)"

    /// Runs the statements of the setup, and takes the session as new.
    ///
    /// - Throws: `PostgresError` of a statement; with the code `invalidConfiguration` if the setup has changed `client_encoding`, or the
    ///   server does not use UTF-8.
    func setUp(_ setup: [PostgresQuery], _ patience: Patience) async throws(PostgresError) {
        do throws(PostgresError) {
            for query in setup { _ = try await run(query, patience) }
            try requireUTF8(sql: "")
        } catch {
            if isUTF8 { throw error }
            throw PostgresError(
                .invalidConfiguration,
                "client_encoding of a new connection must be UTF8; do not change it in the setup",
                sql: error.sql
            )
        }
        session.isChanged = false
        session.isUsed = false
        session.reports = reports
    }

    private var reports: Session.Reports {
        var reports = Session.Reports()
        var index: Int32 = 0
        while let name = unsafe clockpool_compared_setting(index) {
            index += 1
            guard let value = unsafe PQparameterStatus(handle, name) else {
                reports.values.append(0)
                continue
            }
            unsafe reports.values += UnsafeBufferPointer(start: value, count: strlen(value) + 1)
            // To find that a setting is missing takes longest: those behind the last one are not looked for.
            reports.count = index
        }
        return reports
    }

    /// Whether the session is to be reset before another lease has it, as far as is known without asking the server.
    func needsReset(_ policy: PostgresResetPolicy) -> Bool {
        if !isUTF8 { return true }
        return switch policy {
        case .transactionOnly: false
        case .always: session.isUsed
        case .whenChanged: session.isChanged || !reportsMatch
        }
    }

    /// Whether the settings that the server reports are what they were after the setup.
    private var reportsMatch: Bool {
        unsafe session.reports.values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return true }
            return unsafe clockpool_reports_match(handle, start, session.reports.count) != 0
        }
    }

    /// Ends what is under way, rolls back, and restores the session as far as the policy asks for it.
    ///
    /// - Returns: Whether that worked.
    func reset(_ policy: PostgresResetPolicy, setup: [PostgresQuery], within duration: Duration) async -> Bool {
        let patience = Patience.uncancelled(for: duration)
        guard await recover(by: patience.deadline) else { return false }
        do throws(PostgresError) {
            if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE { try await runScript("ROLLBACK", patience) }
            if policy != .transactionOnly, needsReset(policy) { try await restore(setup, patience) }
        } catch {
            return false
        }
        return unsafe PQtransactionStatus(handle) == PQTRANS_IDLE && isUTF8
    }

    private func restore(_ setup: [PostgresQuery], _ patience: Patience) async throws(PostgresError) {
        let isChanged = session.isChanged
        let result = try await runScript(Link.restoration + (isChanged ? Link.leftover : ""), patience)
        let isLeft = unsafe isChanged && result.bytes(row: 0, column: 1)?.first == UInt8(ascii: "t")
        if isLeft || session.hasOwnStatements { try await runScript("DEALLOCATE ALL", patience) }
        session.hasOwnStatements = false
        try await setUp(setup, patience)
    }
}
