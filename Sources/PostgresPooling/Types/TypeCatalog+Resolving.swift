// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension TypeCatalog {
    /// Returns a parameter with the identifiers of types instead of their names.
    ///
    /// - Returns: The parameter; one with an error if the database does not have the type, or has
    ///   another kind of type.
    func resolved(_ parameter: PostgresParameter) -> PostgresParameter {
        guard parameter.type.isNamed else { return parameter }
        guard let oid = oid(of: parameter.type) else {
            return .failure("the database has no type “\(parameter.type)” on the search path")
        }
        let type = PostgresType(oid: oid)
        switch parameter.content {
        case .structure(.array(let dimensions, let elements)):
            let element = PostgresType(parameter.type.number, .name)
            return PostgresParameter(type, array(of: element, dimensions, elements))
        case .structure(.record(let fields)):
            guard let entry = self[name: parameter.type.number], entry.kind == "c" else {
                return .failure("the type “\(parameter.type)” is not composite")
            }
            return PostgresParameter(type, record(entry, fields))
        default:
            return PostgresParameter(type, parameter.content)
        }
    }

    private func oid(of type: PostgresType) -> UInt32? {
        guard type.isNamed else { return type.oid }
        guard let entry = self[name: type.number] else { return nil }
        if type.reference == .name { return entry.oid }
        return entry.arrayOID == 0 ? nil : entry.arrayOID
    }

    private func array(
        of element: PostgresType,
        _ dimensions: [Int32],
        _ elements: [PostgresParameter]
    ) -> PostgresParameter.Content {
        let type = PostgresType(oid: oid(of: element) ?? 0)
        let base = PostgresType(oid: baseType(of: type.oid))
        if !isTextual(base), base != .jsonb, elements.contains(where: \.isText) {
            return .literal(dimensions, elements)
        }
        var bytes = [UInt8](
            arrayOf: type,
            dimensions: dimensions,
            hasNull: elements.contains(where: \.isNull)
        )
        for (index, element) in elements.enumerated() {
            let content = adapt(resolved(element), to: type.oid)
            if let obstacle = content.obstacle { return .failure("element \(index): \(obstacle)") }
            bytes.append(counted: content)
        }
        return .bytes(bytes)
    }

    private func record(_ entry: Entry, _ fields: [PostgresParameter]) -> PostgresParameter.Content {
        guard fields.count == entry.fields.count else {
            return .failure("the value has \(fields.count) fields, and its composite type \(entry.fields.count)")
        }
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Int32(fields.count))
        for (index, (field, type)) in zip(fields, entry.fields).enumerated() {
            let content = adapt(resolved(field), to: type)
            if let obstacle = content.obstacle { return .failure("field \(index): \(obstacle)") }
            bytes.append(bigEndian: type)
            bytes.append(counted: content)
        }
        return .bytes(bytes)
    }

    /// Returns the value of a field in the binary format of the column's type, which the server
    /// requires.
    func adapt(_ field: PostgresParameter, to column: UInt32) -> PostgresParameter.Content {
        let base = PostgresType(oid: baseType(of: column))
        let content = field.content
        if field.isNull || content.obstacle != nil { return content }
        let isSame = field.type == base || field.type.oid == column
        if case .text(let text) = content {
            // The binary format of other types differs from their text.
            if base == .jsonb { return .bytes([1] + Array(text.utf8)) }
            let isLabel = self[base.oid]?.kind == "e"
            if isTextual(base), isSame || !isLabel || field.type == .unspecified { return content }
        } else if isSame {
            return content
        }
        if let integer = integer(field), let fitting = PostgresParameter(integer, as: base) { return fitting.content }
        return .failure("a value of type \(field.type) does not fit a column of type \(base)")
    }

    /// Returns whether the binary format of a type is its text format.
    func isTextual(_ base: PostgresType) -> Bool {
        switch base {
        case .text, .varchar, .bpchar, .name, .json, .xml, .unknown: true
        default: self[base.oid]?.kind == "e"
        }
    }

    func integer(_ parameter: PostgresParameter) -> Int64? {
        guard case .short(let word, _, let count) = parameter.content else { return nil }
        return switch parameter.type {
        case .int2, .int4, .int8: Int64(bitPattern: word) >> (64 - 8 * Int64(count))
        default: nil
        }
    }
}

extension PostgresParameter {
    var isNull: Bool {
        if case .null = content { true } else { false }
    }

    var isText: Bool {
        if case .text = content { true } else { false }
    }

    /// Creates an integer of the type; `nil` if the type is not an integer type or the number does
    /// not fit.
    init?(_ number: Int64, as type: PostgresType) {
        switch type {
        case .int2:
            guard let number = Int16(exactly: number) else { return nil }
            self = .fixed(type, number)
        case .int4:
            guard let number = Int32(exactly: number) else { return nil }
            self = .fixed(type, number)
        case .int8: self = .fixed(type, number)
        default: return nil
        }
    }
}

extension [UInt8] {
    /// Creates the header of an array, which precedes its elements.
    init(arrayOf element: PostgresType, dimensions: [Int32], hasNull: Bool) {
        self = []
        append(bigEndian: Int32(dimensions.count))
        append(bigEndian: Int32(hasNull ? 1 : 0))
        append(bigEndian: element.oid)
        for count in dimensions {
            append(bigEndian: count)
            // The lower bound of the indices.
            append(bigEndian: Int32(1))
        }
    }

    /// Appends a value after its length, or the length that represents `NULL`.
    mutating func append(counted content: PostgresParameter.Content) {
        if case .null = content {
            append(bigEndian: Int32(-1))
        } else {
            append(bigEndian: Int32(content.byteCount))
            content.append(to: &self)
        }
    }
}
