// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresType {
    /// The type with this name in the database of each connection.
    ///
    /// ```swift
    /// enum Size: String, PostgresArrayEncodable, PostgresArrayDecodable {
    ///     static let postgresType = PostgresType(named: "size")
    ///     case small, large
    /// }
    /// ```
    ///
    /// A connection looks the identifier up, by a statement of its own, when it first sends a parameter
    /// of the type, and again when a statement fails in a way that another type of this name explains.
    /// While a lease has settings that `SET` has changed, which may be the search path, it is looked up
    /// for each statement. A name that the database does not have is an error with the code `encoding`,
    /// before the statement is sent.
    ///
    /// - Parameter name: The name as in SQL: `size`, `shop.size`, or `"Size"` for a name with capitals. Its
    ///   search path is the connection's. The name is kept as long as the process runs.
    /// - Complexity: A dictionary look-up behind a lock. A `static let` does it once.
    public init(named name: String) { self.init(TypeNames.number(of: name), .name) }

    /// Whether it is known by a name, and its identifier depends on the database.
    var isNamed: Bool { reference != .identifier }
}

/// The names of types that the program has given, each with a number.
///
/// A number instead of the name keeps ``PostgresType`` small, and its comparison short.
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
