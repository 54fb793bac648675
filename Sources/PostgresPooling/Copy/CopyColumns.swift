// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// The columns that a `COPY` in binary format writes to.
struct CopyColumns {
    struct Column {
        let name: String
        /// The type as declared.
        let oid: UInt32
        /// The type that a domain is based on; any other type itself.
        let base: UInt32
        /// Whether the binary format of the type is its text.
        let isTextual: Bool
    }

    private let columns: [Column]
    private var types: TypeCatalog

    var count: Int { columns.count }

    subscript(index: Int) -> Column { columns[index] }

    init(_ columns: [(name: String, oid: UInt32)], _ types: TypeCatalog) {
        self.types = types
        self.columns = columns.map { name, oid in
            let base = types.baseType(of: oid)
            return Column(name: name, oid: oid, base: base, isTextual: types.isTextual(PostgresType(oid: base)))
        }
    }

    /// Returns a value in the binary format of a column.
    ///
    /// - Returns: The content; a failure if the value does not fit.
    mutating func content(of parameter: PostgresParameter, for index: Int) -> PostgresParameter.Content {
        let column = columns[index]
        if let number = types.integer(parameter) { return content(of: number, as: PostgresType(oid: column.base)) }
        if let array = textArray(parameter, for: column) { return array }
        define(parameter, as: column.oid)
        let resolved = types.resolved(parameter)
        if resolved.content.obstacle == nil, resolved.type.oid == column.base { return resolved.content }
        let content = types.adapt(resolved, to: column.oid)
        if parameter.isText, parameter.type == .unspecified, parameter.content.obstacle == nil,
            content.obstacle != nil
        {
            return .failure("a text does not fit a column of type \(PostgresType(oid: column.base))")
        }
        return content
    }

    private func content(of number: Int64, as type: PostgresType) -> PostgresParameter.Content {
        switch type {
        case .numeric: return .bytes(Numeric.bytes(of: String(number)))
        case .float8:
            guard let float = Double(exactly: number) else {
                return .failure("double precision cannot represent the number exactly")
            }
            return float.postgresParameter.content
        case .int2, .int4, .int8:
            return PostgresParameter(number, as: type)?.content
                ?? .failure("the number is out of the range of the type \(type)")
        default: return .failure("an integer does not fit a column of type \(type)")
        }
    }

    /// Returns an array of texts for a column whose elements have another type of text; `nil` for
    /// other values.
    private func textArray(_ parameter: PostgresParameter, for column: Column) -> PostgresParameter.Content? {
        guard parameter.type == PostgresType.text.arrayType, case .bytes(var bytes) = parameter.content,
            bytes.count >= 12, let element = elementType(of: column.base),
            types.isTextual(PostgresType(oid: types.baseType(of: element)))
        else { return nil }
        // The type of the elements follows the number of dimensions and the flags.
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: element >> (24 - 8 * index)) }
        return .bytes(bytes)
    }

    private func elementType(of array: UInt32) -> UInt32? {
        if let entry = types[array] { return entry.element == 0 ? nil : entry.element }
        return PostgresType.wellKnown.first { $0.arrayOID == array && array != 0 }?.oid
    }

    /// Gives the names of a value's types the meaning that they have for a column: no statement
    /// can look them up during a `COPY`. The server checks the values.
    private mutating func define(_ parameter: PostgresParameter, as oid: UInt32) {
        let base = types.baseType(of: oid)
        if parameter.type.isNamed {
            let named = parameter.type.reference == .name ? oid : types[base]?.element ?? 0
            if let entry = types[named] { types.insert(entry, name: parameter.type.number) }
        }
        guard case .structure(let structure) = parameter.content else { return }
        switch structure {
        case .array(_, let elements):
            for element in elements { define(element, as: types[base]?.element ?? 0) }
        case .record(let fields):
            for (field, type) in zip(fields, types[base]?.fields ?? []) { define(field, as: type) }
        }
    }
}

extension Session {
    /// Looks up the columns of a table and their types.
    ///
    /// - Parameters:
    ///   - table: The name as in SQL.
    ///   - names: The names of the columns; empty for all that a `COPY` without a list writes to.
    /// - Throws: ``PostgresError`` of a `COPY` that has stored nothing.
    func copyColumns(
        of table: String,
        _ names: [String],
        _ limit: WaitLimit
    ) async throws(PostgresError) -> CopyColumns {
        let query: PostgresQuery =
            names.isEmpty
            ? """
            SELECT a.attname, a.atttypid FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = \(table)::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attgenerated = '' ORDER BY a.attnum
            """
            : """
            SELECT n.name, a.atttypid FROM pg_catalog.unnest(\(names)::pg_catalog.text[]) WITH ORDINALITY AS n (name, place)
            LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = \(table)::pg_catalog.regclass
            AND a.attname = n.name AND a.attnum > 0 AND NOT a.attisdropped ORDER BY n.place
            """
        do throws(PostgresError) {
            let rows = PostgresRows(try await run(query, limit))
            let columns = try rows.map { row throws(PostgresError) in
                // COPY itself reports a column that does not exist.
                let (name, oid) = try row.decode(as: (String, UInt32?).self)
                return (name: name, oid: oid ?? 0)
            }
            try await lookUp(columns.map(\.oid).filter { PostgresType(oid: $0).isUserDefined }, limit)
            return CopyColumns(columns, state.types)
        } catch {
            throw error.undone
        }
    }
}
