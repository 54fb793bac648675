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
    /// It costs a round trip, once for each text with such parameters in a pool; more if the server cannot infer the types of all such
    /// parameters at once. A statement that the server refuses with the known types is not noted as harmless: it is looked at again
    /// when other types of its parameters have been found.
    ///
    /// - Parameter types: The types of all parameters that were found for the statement; `nil` if none were.
    /// - Throws: ``PostgresError`` with the code `encoding`; a transaction goes on.
    func checkInstants(
        _ key: StatementCache.Key,
        _ text: String,
        types: [UInt32]?,
        _ patience: Patience
    ) async throws(PostgresError) {
        let status = unsafe PQtransactionStatus(handle)
        guard status == PQTRANS_IDLE || status == PQTRANS_INTRANS else { return }
        let isInTransaction = status == PQTRANS_INTRANS
        let identity = StatementIdentity(text: text, types: key.types)
        let known = types ?? session.statements.resolved.types(of: identity) ?? key.types
        let convertible = known.indices.filter { Zoning.isConvertible(PostgresType(oid: known[$0])) }
        var inferred = known
        switch try await infer(known, asking: convertible, text, isInTransaction: isInTransaction, patience) {
        case .types(let types): inferred = types
        case .fails: return
        case .refused:
            guard case .types = try await infer(known, asking: [], text, isInTransaction: isInTransaction, patience)
            else { return }
            try await inferSeparately(known, &inferred, text, isInTransaction: isInTransaction, patience)
        }
        inferred = try await withoutDomains(inferred, where: convertible, patience)
        for (index, pair) in zip(known, inferred).enumerated() {
            guard let reason = Zoning.reason(PostgresType(oid: pair.0), takenFor: PostgresType(oid: pair.1)) else {
                continue
            }
            throw Zoning.error(index, reason, sql: text)
        }
        session.statements.resolved.noteZoned(identity)
    }

    /// Asks the server for the types of parameters that it does not infer all at once: of those that are instants, of those that
    /// are not, and one by one.
    ///
    /// A refusal tells what the server would combine the parameter with: `timestamp without time zone > interval` for `ts > $1 -
    /// interval '1 day'`.
    ///
    /// - Parameter inferred: Gets the types.
    /// - Throws: ``PostgresError`` with the code `encoding` if that is something that the time zone of the session would convert.
    private func inferSeparately(
        _ known: [UInt32],
        _ inferred: inout [UInt32],
        _ text: String,
        isInTransaction: Bool,
        _ patience: Patience
    ) async throws(PostgresError) {
        var groups = Zoning.groups(of: known)
        while let group = groups.popLast() {
            switch try await infer(known, asking: group, text, isInTransaction: isInTransaction, patience) {
            case .types(let types): for index in group { inferred[index] = types[index] }
            case .refused(let refusal):
                if let reason = Zoning.reason(PostgresType(oid: known[group[0]]), refusedWith: refusal) {
                    throw Zoning.error(group[0], reason, sql: text)
                }
                if group.count > 1 { groups += group.map { [$0] } }
            case .fails: break
            }
        }
    }

    /// Returns types with those that domains and arrays of domains are based on in place of these.
    private func withoutDomains(
        _ types: [UInt32],
        where indices: [Int],
        _ patience: Patience
    ) async throws(PostgresError) -> [UInt32] {
        let own = indices.map { types[$0] }.filter { PostgresType(oid: $0).isUserDefined }
        if own.isEmpty { return types }
        try await lookUp(own, patience)
        return types.map { own.contains($0) ? session.types.baseType(ofValuesOf: $0) : $0 }
    }

    /// What the server says of a statement some of whose parameters have no type.
    private enum Inference {
        /// The types of all parameters.
        case types([UInt32])
        /// It does not find types for them, for this reason.
        case refused(PostgresError.ServerFields)
        /// The statement fails with any types.
        case fails
    }

    /// Asks the server which types it gives parameters if the statement does not say them.
    ///
    /// - Parameters:
    ///   - known: The types of all parameters.
    ///   - indices: The parameters whose types the statement does not say.
    private func infer(
        _ known: [UInt32],
        asking indices: [Int],
        _ text: String,
        isInTransaction: Bool,
        _ patience: Patience
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
        while let result = try await nextResult(sql: text, patience) {
            if error == nil { error = failure(of: result, sql: text) }
            let described = result.parameterTypes
            if described.count == known.count { types = described }
        }
        guard let error else { return types.map(Inference.types) ?? .fails }
        guard let server = error.server, !error.connectionIsGone else { throw error }
        if isInTransaction { try await undoTrial(patience) }
        return TypeSearch.isAboutTypes(server.sqlState) ? .refused(server) : .fails
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

    /// The indices of the parameters that may be converted: of instants, and of times without a zone.
    static func groups(of types: [UInt32]) -> [[Int]] {
        [instants, timestamps].map { group in
            types.indices.filter { group.contains(PostgresType(oid: types[$0])) }
        }.filter { !$0.isEmpty }
    }

    static func error(_ index: Int, _ reason: String, sql: String) -> PostgresError {
        PostgresError(.encoding, "parameter $\(index + 1): \(reason)", sql: sql)
    }

    /// Why a parameter is refused whose type the server does not infer, because of the operator or the column that it is for; `nil`
    /// if the server's reason names no type that a time zone would convert it to. The arguments of a function do not tell.
    static func reason(_ type: PostgresType, refusedWith refusal: PostgresError.ServerFields) -> String? {
        if refusal.routine == "ParseFuncOrColumn" { return nil }
        // Names of columns are in quotes, names of types are not.
        let parts = refusal.message.split(omittingEmptySubsequences: false) { "\"«»“”„".contains($0) }
        let text = parts.indices.filter { $0.isMultiple(of: 2) }.map { parts[$0] }.joined(separator: " ")
        let words = text.split { !$0.isLetter && $0 != "_" }
        return serverNames.lazy
            .filter { name, _ in words.contains(name[...]) || name.contains(" ") && text.contains(name) }
            .compactMap { reason(type, takenFor: $1) }.first
    }

    /// The names that messages have for types, in any language.
    private static var serverNames: [(String, PostgresType)] {
        [
            ("timestamp without time zone", .timestamp), ("timestamp with time zone", .timestamptz), ("date", .date),
            ("time without time zone", .time), ("time with time zone", .timetz),
        ]
    }

    /// Whether a parameter of a statement may be converted.
    static func mayConvert(_ key: StatementCache.Key) -> Bool {
        key.types.contains { isConvertible(PostgresType(oid: $0)) }
    }

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
        Zoning.mayConvert(key) && !resolved.isZoned(StatementIdentity(text: text, types: key.types))
    }
}
