// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// The server silently converts between instants and times without a zone by the time zone of the
// session: it accepts a `timestamptz` for a column of the type `timestamp`. Only the type that the
// server infers for an untyped parameter shows what it uses the parameter for.

extension Session {
    /// Rejects a statement in which the server would convert a parameter by the time zone of the
    /// session.
    ///
    /// Takes one round trip for each text with such parameters in a pool, and more if the server
    /// cannot infer the types of all such parameters at once. A statement that the server refuses
    /// with the known types is not recorded as safe: it is checked again when other types of its
    /// parameters have been found.
    ///
    /// - Parameter types: The types of all parameters that were found for the statement; `nil` if
    ///   none were found.
    /// - Throws: ``PostgresError`` with the code `encoding`. A transaction can continue.
    func checkInstants(
        _ key: StatementCache.Key,
        _ text: String,
        types: [UInt32]?,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        let status = unsafe PQtransactionStatus(handle)
        guard status == PQTRANS_IDLE || status == PQTRANS_INTRANS else { return }
        let isInTransaction = status == PQTRANS_INTRANS
        let identity = StatementIdentity(text: text, types: key.types)
        let known = types ?? state.statements.resolved.types(of: identity) ?? key.types
        let convertible = known.indices.filter { TimeZoneConversion.isConvertible(PostgresType(oid: known[$0])) }
        var inferred = known
        switch try await infer(known, asking: convertible, text, isInTransaction: isInTransaction, limit) {
        case .types(let types): inferred = types
        case .fails: return
        case .refused:
            guard case .types = try await infer(known, asking: [], text, isInTransaction: isInTransaction, limit)
            else { return }
            try await inferSeparately(known, &inferred, text, isInTransaction: isInTransaction, limit)
        }
        inferred = try await withoutDomains(inferred, where: convertible, limit)
        for (index, pair) in zip(known, inferred).enumerated() {
            guard let reason = TimeZoneConversion.reason(PostgresType(oid: pair.0), takenFor: PostgresType(oid: pair.1))
            else {
                continue
            }
            throw TimeZoneConversion.error(index, reason, sql: text)
        }
        state.statements.resolved.recordZoneCheck(identity)
    }

    /// Asks the server for the types of parameters that it cannot infer all at once: first of the
    /// instants, then of the timestamps, then one by one.
    ///
    /// A refusal names the types that the parameter would be combined with:
    /// `timestamp without time zone > interval` for `ts > $1 - interval '1 day'`.
    ///
    /// - Parameter inferred: Receives the types.
    /// - Throws: ``PostgresError`` with the code `encoding` if the time zone of the session would
    ///   convert to such a type.
    private func inferSeparately(
        _ known: [UInt32],
        _ inferred: inout [UInt32],
        _ text: String,
        isInTransaction: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        var groups = TimeZoneConversion.groups(of: known)
        while let group = groups.popLast() {
            switch try await infer(known, asking: group, text, isInTransaction: isInTransaction, limit) {
            case .types(let types): for index in group { inferred[index] = types[index] }
            case .refused(let refusal):
                if let reason = TimeZoneConversion.reason(PostgresType(oid: known[group[0]]), refusedWith: refusal) {
                    throw TimeZoneConversion.error(group[0], reason, sql: text)
                }
                if group.count > 1 { groups += group.map { [$0] } }
            case .fails: break
            }
        }
    }

    /// Returns the types, with domains and arrays of domains replaced by their base types.
    private func withoutDomains(
        _ types: [UInt32],
        where indices: [Int],
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [UInt32] {
        let own = indices.map { types[$0] }.filter { PostgresType(oid: $0).isUserDefined }
        if own.isEmpty { return types }
        try await lookUp(own, limit)
        return types.map { own.contains($0) ? state.types.baseType(ofValuesOf: $0) : $0 }
    }

    /// The server's answer for a statement with untyped parameters.
    private enum Inference {
        /// The types of all parameters.
        case types([UInt32])
        /// The server cannot infer types, for this reason.
        case refused(PostgresError.ServerFields)
        /// The statement fails with all types.
        case fails
    }

    /// Asks the server which types it infers for parameters.
    ///
    /// - Parameters:
    ///   - known: The types of all parameters.
    ///   - indices: The parameters to send without a type.
    private func infer(
        _ known: [UInt32],
        asking indices: [Int],
        _ text: String,
        isInTransaction: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> Inference {
        var asked = known
        for index in indices { asked[index] = 0 }
        try expectAnswer(sql: text)
        let isSent = sendTrial(isInTransaction: isInTransaction) {
            unsafe PQsendPrepare(handle, "", text, Int32(asked.count), asked) != 0
                && PQsendDescribePrepared(handle, "") != 0
        }
        try begin(sql: text, isSent)
        var (error, types): (PostgresError?, [UInt32]?)
        while let result = try await nextResult(sql: text, limit) {
            if error == nil { error = failure(of: result, sql: text) }
            let described = result.parameterTypes
            if described.count == known.count { types = described }
        }
        guard let error else { return types.map(Inference.types) ?? .fails }
        guard let server = error.server, !error.connectionIsGone else { throw error }
        if isInTransaction { try await undoTrial(limit) }
        return TypeSearch.isAboutTypes(server.sqlState) ? .refused(server) : .fails
    }
}

/// The types between which the server converts by the time zone of the session.
enum TimeZoneConversion {
    private static var instants: [PostgresType] { [.timestamptz, PostgresType.timestamptz.arrayType] }
    private static var timestamps: [PostgresType] { [.timestamp, PostgresType.timestamp.arrayType] }
    private static var zoneless: [PostgresType] {
        [.date, .time, .timetz].flatMap { [$0, $0.arrayType] } + timestamps
    }

    /// Returns whether a parameter of this type may be converted.
    static func isConvertible(_ type: PostgresType) -> Bool { instants.contains(type) || timestamps.contains(type) }

    /// Returns the indices of the parameters that may be converted: those of instants, and those
    /// of timestamps.
    static func groups(of types: [UInt32]) -> [[Int]] {
        [instants, timestamps].map { group in
            types.indices.filter { group.contains(PostgresType(oid: types[$0])) }
        }.filter { !$0.isEmpty }
    }

    static func error(_ index: Int, _ reason: String, sql: String) -> PostgresError {
        PostgresError(.encoding, "parameter $\(index + 1): \(reason)", sql: sql)
    }

    /// Returns why a parameter whose type the server cannot infer is rejected, because of its
    /// operator or column; `nil` if the server's message names no type that a time zone converts
    /// to. The arguments of a function do not show this.
    static func reason(_ type: PostgresType, refusedWith refusal: PostgresError.ServerFields) -> String? {
        if refusal.routine == "ParseFuncOrColumn" { return nil }
        // Names of columns are quoted, names of types are not.
        let parts = refusal.message.split(omittingEmptySubsequences: false) { "\"«»“”„".contains($0) }
        let text = parts.indices.filter { $0.isMultiple(of: 2) }.map { parts[$0] }.joined(separator: " ")
        let words = text.split { !$0.isLetter && $0 != "_" }
        return serverNames.lazy
            .filter { name, _ in words.contains(name[...]) || name.contains(" ") && text.contains(name) }
            .compactMap { reason(type, takenFor: $1) }.first
    }

    /// The names of types in messages, in any language.
    private static var serverNames: [(String, PostgresType)] {
        [
            ("timestamp without time zone", .timestamp), ("timestamp with time zone", .timestamptz), ("date", .date),
            ("time without time zone", .time), ("time with time zone", .timetz),
        ]
    }

    /// Returns whether a parameter of a statement may be converted.
    static func mayConvert(_ key: StatementCache.Key) -> Bool {
        key.types.contains { isConvertible(PostgresType(oid: $0)) }
    }

    /// Returns why a parameter is rejected; `nil` if no time zone converts it.
    static func reason(_ type: PostgresType, takenFor other: PostgresType) -> String? {
        if instants.contains(type), zoneless.contains(other) {
            return """
                a Date is an instant, which the server would convert to \(other) by the time zone of the session; send a value of \
                that type, such as PostgresTimestamp(utc:), or write AT TIME ZONE 'UTC'
                """
        }
        if timestamps.contains(type), instants.contains(other) {
            return """
                a PostgresTimestamp is not an instant, and the server would convert it to \(other) by the time zone of the \
                session; send a Date, or write AT TIME ZONE 'UTC'
                """
        }
        return nil
    }
}

extension StatementCache {
    /// Returns whether the server may convert a parameter of a statement by the time zone of the
    /// session, as far as is known.
    func mayConvertZone(_ key: Key, text: String) -> Bool {
        TimeZoneConversion.mayConvert(key) && !resolved.isZoneChecked(StatementIdentity(text: text, types: key.types))
    }
}
