// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The types of a database that a session has looked up.
struct TypeCatalog {
    /// A row of `pg_type`.
    struct Entry: Equatable {
        let oid: UInt32
        /// The type of arrays; 0 if there is none.
        let arrayOID: UInt32
        /// `typtype`: `b` for a base type, `c` for a composite type, `d` for a domain, `e` for an
        /// enumeration, `r` for a range, `m` for a multirange; empty if the database no longer has
        /// the type.
        let kind: String
        /// The base type of a domain, which may be a domain too; otherwise 0.
        let base: UInt32
        /// The type of an array's elements; 0 for most other types.
        let element: UInt32
        /// The types of a composite type's columns, in order.
        let fields: [UInt32]

        /// The component types that the database defines.
        var parts: [UInt32] { ([base, element] + fields).filter { PostgresType(oid: $0).isUserDefined } }
    }

    private var named: [UInt32: UInt32] = [:]
    private var entries: [UInt32: Entry] = [:]

    /// The base type of each domain, which is not a domain.
    private(set) var domains: [UInt32: UInt32] = [:]

    /// Returns the type with a name; `nil` if it has not been looked up or does not exist.
    subscript(name number: UInt32) -> Entry? { named[number].flatMap { entries[$0] } }

    subscript(oid: UInt32) -> Entry? { entries[oid] }

    mutating func insert(_ entry: Entry, name: UInt32? = nil) {
        entries[entry.oid] = entry
        if let name { named[name] = entry.oid }
        // A base that is not known yet is inserted later, which updates this.
        for entry in entries.values where entry.kind == "d" { domains[entry.oid] = baseType(of: entry.oid) }
    }

    /// Returns the types that `oids` and their components refer to and that have not been looked
    /// up.
    func unknown(in oids: [UInt32]) -> [UInt32] {
        var (rest, seen, unknown) = (oids, Set<UInt32>(), [UInt32]())
        while let oid = rest.popLast() {
            guard seen.insert(oid).inserted else { continue }
            if let entry = entries[oid] { rest += entry.parts } else { unknown.append(oid) }
        }
        return unknown
    }

    /// Returns the base type of a domain; any other type unchanged.
    func baseType(of oid: UInt32) -> UInt32 {
        var oid = oid
        while let entry = entries[oid], entry.kind == "d" { oid = entry.base }
        return oid
    }

    /// Returns the type that values for a domain, or for an array of domains, are stored as; any
    /// other type unchanged.
    func baseType(ofValuesOf oid: UInt32) -> UInt32 {
        let base = baseType(of: oid)
        guard let element = entries[base]?.element, element != 0 else { return base }
        let array = PostgresType(oid: baseType(of: element)).arrayType.oid
        return array == 0 ? base : array
    }

    mutating func removeNames() { named = [:] }

    mutating func removeAll() { self = TypeCatalog() }
}
