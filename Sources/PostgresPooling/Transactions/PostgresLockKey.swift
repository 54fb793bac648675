// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The key of an advisory lock, which the server does not connect with any table or row.
///
/// ```swift
/// try await pool.withAdvisoryLock("nightly report") { db in … }
/// try await pool.withAdvisoryLock(42) { db in … }
/// ```
///
/// Keys of one number and keys of two numbers are different, whatever their numbers. A name stands
/// for the one number that the server's `hashtextextended` computes from it. Different names, or a
/// name and a number, may therefore have the same lock, with a probability of 1 in 2⁶⁴ for a pair.
public struct PostgresLockKey: Hashable, Sendable {
    private enum Content: Hashable {
        case number(Int64)
        case pair(Int32, Int32)
        case name(String)
    }

    private let content: Content

    /// Creates a key of one number.
    public init(_ number: Int64) { content = .number(number) }

    /// Creates a key of two numbers, such as one for a table and one for its row.
    public init(_ first: Int32, _ second: Int32) { content = .pair(first, second) }

    /// Creates a key from a name, without NUL characters.
    public init(_ name: String) { content = .name(name) }

    /// The arguments of the server's functions.
    private var arguments: String {
        switch content {
        // In quotes, because the parser reads the smallest numbers as the negation of others.
        case .number(let number): "'\(number)'::bigint"
        case .pair(let first, let second): "'\(first)'::integer, '\(second)'::integer"
        case .name(let name): "pg_catalog.hashtextextended(\(name.quotedForSQL), 0)"
        }
    }

    /// Returns the statement that calls one of the server's functions.
    func call(_ function: PostgresLockFunction, shared: Bool) throws(PostgresError) -> PostgresLockCall {
        let name = "pg_catalog." + function.rawValue + (shared ? "_shared" : "")
        if case .name(let text) = content, text.utf8.contains(0) {
            throw PostgresError(
                .encoding,
                "the name of an advisory lock has a NUL character",
                sql: "SELECT \(name)(…)",
                outcome: .notExecuted
            )
        }
        return PostgresLockCall(sql: "SELECT \(name)(\(arguments))", shown: "SELECT \(name)(…)")
    }
}

extension PostgresLockKey: ExpressibleByIntegerLiteral, ExpressibleByStringInterpolation {
    /// Creates a key of one number.
    public init(integerLiteral number: Int64) { self.init(number) }

    /// Creates a key from a name.
    public init(stringLiteral name: String) { self.init(name) }
}

/// The server's functions for advisory locks, without the suffix of their shared forms.
enum PostgresLockFunction: String {
    case lock = "pg_advisory_xact_lock"
    case tryLock = "pg_try_advisory_xact_lock"
    case sessionLock = "pg_advisory_lock"
    case trySessionLock = "pg_try_advisory_lock"
    case sessionUnlock = "pg_advisory_unlock"
}

/// A call of a function for advisory locks.
struct PostgresLockCall {
    /// The statement.
    let sql: String
    /// The statement without the key, for errors.
    let shown: String
}
