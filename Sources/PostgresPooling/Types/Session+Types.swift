// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// Looks up types that the database defines, with statements of its own: before a statement with a
// named type is sent, and after a result with arrays or composite values of such types.

extension Session {
    /// Runs a statement with parameters whose types are known by name.
    ///
    /// Runs it once more if it fails in a way that outdated identifiers explain, the identifiers
    /// are outdated, and the failure has not ended a transaction.
    func runResolved(_ query: PostgresQuery, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult {
        let names = query.typeNames
        let known = state.isChanged ? [] : names.map { state.types[name: $0] }
        do throws(PostgresError) {
            return try await run(try await resolve(query, limit), limit)
        } catch {
            guard known.contains(where: { $0 != nil }), error.mayComeFromOutdatedType else { throw error }
            state.types.removeAll()
            let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
            guard error.server == nil || !isInTransaction else { throw error }
            let resolved = try await resolve(query, limit)
            guard names.map({ state.types[name: $0] }) != known else { throw error }
            return try await run(resolved, limit)
        }
    }

    /// Looks up the types of a statement's parameters that the session does not know.
    ///
    /// - Returns: The statement with their identifiers. A parameter whose type does not exist has
    ///   an error instead of its value.
    func resolve(_ query: PostgresQuery, _ limit: WaitLimit) async throws(PostgresError) -> PostgresQuery {
        // Changed settings may include the search path, and command tags do not report every
        // change.
        if state.isChanged { state.types.removeNames() }
        let names = query.typeNames
        let missing = names.filter { state.types[name: $0] == nil }
        if !missing.isEmpty { try await lookUp(names: missing, limit) }
        try await lookUp(names.compactMap { state.types[name: $0]?.oid }, limit)
        let types = state.types
        if state.isChanged { state.types.removeNames() }
        return query.replacingParameters { types.resolved($0) }
    }

    /// Looks up the types of a result for its decoders.
    ///
    /// The statement has succeeded, so most failures here are not reported: values that need the
    /// lookup then do not decode.
    ///
    /// - Throws: `PostgresError` with the code `cancelled` or `timedOut` and the outcome
    ///   `executed`, if the wait ends early.
    func describeTypes(of result: PostgresResult, _ limit: WaitLimit) async throws(PostgresError) {
        do throws(PostgresError) {
            try await lookUp(result.structuredTypes, limit)
        } catch  where error.code == .cancelled || error.code == .timedOut {
            throw PostgresError(
                error.code,
                "the statement was executed, but the types of its rows could not be looked up: \(error.message)",
                sql: result.sql,
                connectionIsGone: error.connectionIsGone,
                outcome: .executed
            )
        } catch {}
        result.domains = state.types.domains
    }

    /// Describes the types of a result for its decoders if all of them are known.
    ///
    /// - Returns: Whether they are.
    func describeKnownTypes(of result: PostgresResult) -> Bool {
        guard state.types.unknown(in: result.structuredTypes).isEmpty else { return false }
        result.domains = state.types.domains
        return true
    }

    private func lookUp(names: [UInt32], _ limit: WaitLimit) async throws(PostgresError) {
        let texts = names.map(TypeNames.name)
        let entries = try await entries(
            "FROM pg_catalog.unnest(\(texts)::text[]) WITH ORDINALITY AS k (key, place) LEFT JOIN pg_catalog.pg_type AS t ON t.oid = pg_catalog.to_regtype(k.key)",
            limit
        )
        for (name, entry) in zip(names, entries) {
            if let entry { state.types.insert(entry, name: name) }
        }
    }

    /// Looks up types and their component types.
    func lookUp(_ oids: [UInt32], _ limit: WaitLimit) async throws(PostgresError) {
        var unknown = state.types.unknown(in: oids)
        while !unknown.isEmpty {
            let entries = try await entries(
                "FROM pg_catalog.unnest(\(unknown)::oid[]) WITH ORDINALITY AS k (key, place) LEFT JOIN pg_catalog.pg_type AS t ON t.oid = k.key",
                limit
            )
            for (oid, entry) in zip(unknown, entries) {
                let gone = TypeCatalog.Entry(oid: oid, arrayOID: 0, kind: "", base: 0, element: 0, fields: [])
                state.types.insert(entry ?? gone)
            }
            unknown = state.types.unknown(in: oids)
        }
    }

    /// Returns the type for each key; `nil` if the database has none.
    private func entries(
        _ source: PostgresQuery,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [TypeCatalog.Entry?] {
        let query: PostgresQuery = """
            SELECT t.oid, t.typarray, t.typtype, t.typbasetype, t.typelem, ARRAY(
                SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
            ) \(sql: source) ORDER BY k.place
            """
        let rows = PostgresRows(try await run(query, limit))
        return try rows.map { row throws(PostgresError) in
            let columns = (UInt32?, UInt32?, String?, UInt32?, UInt32?, [UInt32]).self
            let (oid, arrayOID, kind, base, element, fields) = try row.decode(as: columns)
            guard let oid, let arrayOID, let kind, let base, let element else { return nil }
            return TypeCatalog.Entry(
                oid: oid,
                arrayOID: arrayOID,
                kind: kind,
                base: base,
                element: element,
                fields: fields
            )
        }
    }
}

extension PostgresQuery {
    /// The numbers of the names of its parameters' types.
    fileprivate var typeNames: [UInt32] {
        var names: [UInt32] = []
        for piece in pieces { piece.parameter?.collectTypeNames(into: &names) }
        return names
    }
}

extension PostgresResult {
    /// Whether a column has a type that the database defines.
    ///
    /// - Complexity: O(columns).
    var hasUserDefinedTypes: Bool {
        for column in 0..<columnCount where PostgresType(oid: columnType(column)).isUserDefined { return true }
        return false
    }

    /// The types of columns with arrays or composite values, if the database defines these types.
    ///
    /// Both begin with a number of dimensions or fields, whose first byte is zero. A text does
    /// not.
    fileprivate var structuredTypes: [UInt32] {
        (0..<columnCount).compactMap { column in
            let type = columnType(column)
            guard PostgresType(oid: type).isUserDefined else { return nil }
            for row in 0..<rowCount {
                if let bytes = unsafe bytes(row: row, column: column) { return unsafe bytes.first == 0 ? type : nil }
            }
            return nil
        }
    }
}

extension PostgresError {
    /// Whether the outdated identifier of a type may be the reason.
    fileprivate var mayComeFromOutdatedType: Bool {
        if code == .encoding { return true }
        return ["22", "42", "XX"].contains(sqlState?.conditionClass)
    }
}
