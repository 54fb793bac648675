// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A setting of a connection that has no field in ``SQLiteConfiguration``.
///
/// ```swift
/// configuration.pragmas = [SQLitePragma("temp_store", "MEMORY"), SQLitePragma("analysis_limit", 1_000)]
/// ```
public struct SQLitePragma: Hashable, Sendable {
    /// The name of the pragma.
    public let name: String

    /// The value: a number, a word, or text in single quotes.
    public let value: String

    /// The connections that the pragma applies to.
    public let connections: SQLiteConnections

    /// Creates a pragma with a word, a number or text in single quotes as its value.
    public init(_ name: String, _ value: String, on connections: SQLiteConnections = .all) {
        self.name = name
        self.value = value
        self.connections = connections
    }

    /// Creates a pragma with a number as its value.
    public init(_ name: String, _ value: Int, on connections: SQLiteConnections = .all) {
        self.init(name, String(value), on: connections)
    }

    var text: String { "\(name) = \(value)" }
}

/// The kinds of connections of a pool.
public struct SQLiteConnections: OptionSet, Hashable, Sendable {
    /// A bit for each kind.
    public let rawValue: UInt8

    /// Creates a set from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The readers.
    public static let readers = Self(rawValue: 1)
    /// The writer, and a connection that is opened briefly if a file must be created before it can
    /// be read.
    public static let writer = Self(rawValue: 2)
    /// Readers and writer.
    public static let all: Self = [.readers, .writer]
}

/// A closure that a pool runs on each new connection.
public struct SQLiteOpening: Sendable {
    // A reference type, so that configurations can be compared: the same closure is the same
    // object.
    private final class Body: Sendable {
        let run: @Sendable (borrowing SQLiteConnection) throws -> Void

        init(_ run: @escaping @Sendable (borrowing SQLiteConnection) throws -> Void) { self.run = run }
    }

    private let body: Body

    /// The connections that the closure runs on.
    public let connections: SQLiteConnections

    /// Creates a value from a closure, which runs on the connection's thread before any other call
    /// uses the connection.
    ///
    /// - Parameters:
    ///   - connections: The connections that the closure runs on.
    ///   - body: Changes settings, attaches databases, creates temporary tables. If it throws, the
    ///     connection fails, with the code `connectFailed` if the error is not a ``SQLiteError``.
    ///     If it leaves a transaction open, the transaction is rolled back and the connection
    ///     fails with the code `transactionLeftOpen`.
    public init(
        on connections: SQLiteConnections = .all,
        _ body: @escaping @Sendable (borrowing SQLiteConnection) throws -> Void
    ) {
        self.body = Body(body)
        self.connections = connections
    }

    func run(_ db: borrowing SQLiteConnection) throws(SQLiteError) {
        do {
            try body.run(db)
        } catch let error as SQLiteError {
            throw error
        } catch {
            throw SQLiteError(.connectFailed, "the configuration's onOpen threw an error: \(error)")
        }
    }
}

extension SQLiteOpening: Hashable {
    /// Whether both values are copies of the same one.
    public static func == (first: SQLiteOpening, second: SQLiteOpening) -> Bool {
        first.body === second.body && first.connections == second.connections
    }

    /// Hashes the identity of the closure.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(body))
        hasher.combine(connections)
    }
}
