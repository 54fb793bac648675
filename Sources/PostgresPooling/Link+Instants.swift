// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// The server converts between instants and times without a zone by the time zone of the session, and says nothing: a `timestamptz` is
// valid for a column of the type `timestamp`. What it takes a parameter for is known only if it is asked for the type that
// it would give the parameter by itself.

extension Link {
    /// Refuses a statement in which the server would convert a parameter by the time zone of the session.
    ///
    /// It costs a round trip, once for each text with such parameters in a pool.
    ///
    /// - Throws: ``PostgresError`` with the code `encoding`; a transaction goes on.
    func checkInstants(_ key: StatementCache.Key, _ text: String, _ patience: Patience) async throws(PostgresError) {
        let status = unsafe PQtransactionStatus(handle)
        guard status == PQTRANS_IDLE || status == PQTRANS_INTRANS else { return }
        let declared = key.types
        guard
            let inferred = try await inferredTypes(declared, text, isInTransaction: status == PQTRANS_INTRANS, patience)
        else { return }
        for (index, pair) in zip(declared, inferred).enumerated() {
            guard let reason = Zoning.reason(PostgresType(oid: pair.0), takenFor: PostgresType(oid: pair.1)) else {
                continue
            }
            throw PostgresError(.encoding, "parameter $\(index + 1): \(reason)", sql: text)
        }
        session.statements.resolved.noteZoned(StatementIdentity(text: text, types: declared))
    }

    /// Asks the server which types it gives the parameters that a time zone may convert, if the statement does not say any.
    ///
    /// - Returns: The types of all parameters; those of the values if it cannot do without them; `nil` if the statement fails
    ///   anyway.
    private func inferredTypes(
        _ declared: [UInt32],
        _ text: String,
        isInTransaction: Bool,
        _ patience: Patience
    ) async throws(PostgresError) -> [UInt32]? {
        let asked = declared.map { Zoning.isConvertible(PostgresType(oid: $0)) ? 0 : $0 }
        expectAnswer()
        try begin(sql: text, sendDescription(asked, text, isInTransaction: isInTransaction))
        var (error, types): (PostgresError?, [UInt32]?)
        while let result = try await nextResult(sql: text, patience) {
            if error == nil { error = failure(of: result, sql: text) }
            let described = result.parameterTypes
            if described.count == declared.count { types = described }
        }
        guard let error else { return types }
        guard let server = error.server, !error.connectionIsGone else { throw error }
        if isInTransaction {
            try await runScript("ROLLBACK TO SAVEPOINT lockpool_zone; RELEASE SAVEPOINT lockpool_zone", patience)
        }
        return TypeSearch.isAboutTypes(server.sqlState) ? declared : nil
    }

    /// In one round trip. If one of them fails, the server skips the others.
    private func sendDescription(_ types: [UInt32], _ text: String, isInTransaction: Bool) -> Int32 {
        func send(_ sql: String) -> Int32 {
            isInTransaction ? unsafe PQsendQueryParams(handle, sql, 0, nil, nil, nil, nil, 0) : 1
        }
        guard unsafe PQenterPipelineMode(handle) != 0 else { return 0 }
        session.isPipelining = true
        guard
            send("SAVEPOINT lockpool_zone") != 0,
            unsafe PQsendPrepare(handle, "", text, Int32(types.count), types) != 0,
            unsafe PQsendDescribePrepared(handle, "") != 0, send("RELEASE SAVEPOINT lockpool_zone") != 0
        else { return 0 }
        return unsafe PQpipelineSync(handle)
    }
}

/// Which types the server converts into each other by the time zone of the session.
enum Zoning {
    private static var instants: [PostgresType] { [.timestamptz, PostgresType.timestamptz.arrayType] }
    private static var timestamps: [PostgresType] { [.timestamp, PostgresType.timestamp.arrayType] }
    private static var zoneless: [PostgresType] {
        [.date, .time, .timetz].flatMap { [$0, $0.arrayType] } + timestamps
    }

    /// Whether a parameter of this type may be converted.
    static func isConvertible(_ type: PostgresType) -> Bool { instants.contains(type) || timestamps.contains(type) }

    /// Why a parameter is refused; `nil` if no time zone converts it.
    static func reason(_ type: PostgresType, takenFor other: PostgresType) -> String? {
        if instants.contains(type), zoneless.contains(other) {
            return """
                a Date is an instant, and the time zone of the session would make the \(other) of it that the server \
                takes there; send a value of that type, such as PostgresTimestamp(utc:), or write AT TIME ZONE 'UTC'
                """
        }
        if timestamps.contains(type), instants.contains(other) {
            return """
                a PostgresTimestamp is no instant, and the time zone of the session would make the \(other) of it that \
                the server takes there; send a Date, or write AT TIME ZONE 'UTC'
                """
        }
        return nil
    }
}

extension StatementCache {
    /// Whether the server may convert a parameter of a statement by the time zone of the session, as far as is known.
    func mayBeZoned(_ key: Key, text: String) -> Bool {
        let types = key.types
        guard types.contains(where: { Zoning.isConvertible(PostgresType(oid: $0)) }) else { return false }
        return !resolved.isZoned(StatementIdentity(text: text, types: types))
    }
}
