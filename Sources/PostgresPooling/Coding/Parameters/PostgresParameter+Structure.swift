// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresParameter {
    /// A value of a type that is known by its name and is made of others.
    ///
    /// Its binary format contains the identifiers of types, which a session knows.
    indirect enum Structure: Sendable {
        /// An array: how many elements each dimension has, and the elements, each with the named type or
        /// `NULL`.
        case array(dimensions: [Int32], elements: [PostgresParameter])
        /// A value of a composite type.
        case record(fields: [PostgresParameter])
    }

    /// Adds the names of the types that the value has, and those within it.
    func collectTypeNames(into names: inout [UInt32]) {
        if type.isNamed, !names.contains(type.number) { names.append(type.number) }
        guard case .structure(let structure) = content else { return }
        switch structure {
        case .array(_, let parameters), .record(let parameters):
            for parameter in parameters { parameter.collectTypeNames(into: &names) }
        }
    }
}
