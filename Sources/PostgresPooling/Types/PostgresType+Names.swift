// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresType {
    /// Creates a reference to the type with this name in the database of each connection.
    ///
    /// ```swift
    /// enum Size: String, PostgresArrayEncodable, PostgresArrayDecodable {
    ///     static let postgresType = PostgresType(named: "size")
    ///     case small, large
    /// }
    /// ```
    /// A connection looks up the identifier with a statement of its own when it first sends a
    /// parameter of the type. It looks it up again when a statement fails in a way that a changed
    /// type explains. While a lease has settings that `SET` has changed, which may include the
    /// search path, each statement causes a lookup. If the database has no type of this name, the
    /// statement fails with the code `encoding` before it is sent.
    ///
    /// - Parameter name: The name as in SQL: `size`, `shop.size`, or `"Size"` for a name with
    ///   capitals. The connection's search path applies. The process keeps the name until it
    ///   exits.
    /// - Complexity: A dictionary lookup under a lock. A `static let` performs it once.
    public init(named name: String) { self.init(TypeNames.number(of: name), .name) }

    /// Whether the type is known by name, so that its identifier depends on the database.
    var isNamed: Bool { reference != .identifier }
}

/// The names of types that the program refers to, each with a number.
///
/// A number instead of the name keeps ``PostgresType`` small, and comparisons fast.
enum TypeNames {
    private struct Table {
        var names: [String] = []
        var numbers: [ExactText: UInt32] = [:]
    }

    private static let table = Locked(Table())

    static func number(of name: String) -> UInt32 {
        let key = ExactText(name)
        return table.withLock { table in
            if let number = table.numbers[key] { return number }
            let number = UInt32(table.names.count)
            table.numbers[key] = number
            table.names.append(name)
            return number
        }
    }

    static func name(_ number: UInt32) -> String { table.withLock { $0.names[Int(number)] } }
}
