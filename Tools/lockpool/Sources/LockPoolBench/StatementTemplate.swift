// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An SQL statement with `:random(LOW,HIGH)`, which is replaced by a new random integer at each
/// execution.
///
/// The integer is bound as a parameter, so that the database prepares the statement once. A
/// `:random(…)` within a string, a quoted name or a comment is not replaced.
public struct StatementTemplate: Sendable, Hashable {
    /// The statement as the user wrote it.
    public let text: String
    /// The statement with a parameter of its dialect in place of each `:random(…)`: `?`, or `$1`
    /// and so on.
    public let sql: String
    /// The range of each parameter, in order.
    public let ranges: [ClosedRange<Int64>]

    /// Parses `text`.
    ///
    /// - Throws: CommandFailure of kind `usage` if the statement is empty, if a `:random` is
    ///   malformed, or if the statement has another parameter.
    public init(_ text: String, in dialect: SQLDialect = .sqlite) throws(CommandFailure) {
        var scanner = StatementScanner(text, dialect)
        try scanner.run()
        guard scanner.hasStatement else {
            throw .usage("the SQL statement is empty")
        }
        self.text = text
        self.sql = scanner.output
        self.ranges = scanner.ranges
    }

    /// Returns one value for each parameter, uniformly distributed over its range.
    public func drawValues(using generator: inout some RandomNumberGenerator) -> [Int64] {
        ranges.map { Int64.random(in: $0, using: &generator) }
    }

    /// Returns one value for each parameter, from the system's generator.
    func drawValues() -> [Int64] {
        var generator = SystemRandomNumberGenerator()
        return drawValues(using: &generator)
    }
}
