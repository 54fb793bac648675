// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A setting of a connection that ``SQLiteConfiguration`` has no field for.
///
/// ```swift
/// configuration.pragmas = [SQLitePragma("temp_store", "MEMORY"), SQLitePragma("analysis_limit", 1_000)]
/// ```
public struct SQLitePragma: Hashable, Sendable {
    /// The name of the pragma, in SQLite's words.
    public let name: String

    /// Its value: a number, a word, or any text in single quotes.
    public let value: String

    /// Which connections get it.
    public let connections: SQLiteConnections

    /// A pragma with a word, a number or a text in single quotes for its value.
    public init(_ name: String, _ value: String, on connections: SQLiteConnections = .all) {
        self.name = name
        self.value = value
        self.connections = connections
    }

    /// A pragma with a number for its value.
    public init(_ name: String, _ value: Int, on connections: SQLiteConnections = .all) {
        self.init(name, String(value), on: connections)
    }

    var text: String { "\(name) = \(value)" }
}

/// The kinds of connections that a pool has.
public struct SQLiteConnections: OptionSet, Hashable, Sendable {
    /// A bit for each kind.
    public let rawValue: UInt8

    /// The kinds whose bits are set.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Those that read.
    public static let readers = Self(rawValue: 1)
    /// The one that writes, and one that is opened for a moment where a file must be made before it can be read.
    public static let writer = Self(rawValue: 2)
    /// Both.
    public static let all: Self = [.readers, .writer]
}

/// What a pool has each connection do when it has opened it.
public struct SQLiteOpening: Sendable {
    // An object, so that configurations can be compared: the same closure is the same object.
    private final class Body: Sendable {
        let run: @Sendable (borrowing SQLiteConnection) throws -> Void

        init(_ run: @escaping @Sendable (borrowing SQLiteConnection) throws -> Void) { self.run = run }
    }

    private let body: Body

    /// Which connections do it.
    public let connections: SQLiteConnections

    /// A closure that runs on the connection's thread before anybody else uses the connection.
    ///
    /// - Parameters:
    ///   - connections: Which connections do it.
    ///   - body: Sets what is to be set, attaches databases, makes temporary tables. What it throws makes the connection
    ///     fail, with the code `openingFailed` if it is not an ``SQLiteError``. A transaction that it
    ///     leaves open is rolled back, and the connection fails with the code `transactionLeftOpen`.
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
            throw SQLiteError(.openingFailed, "the configuration's onOpen has failed: \(error)")
        }
    }
}

extension SQLiteOpening: Hashable {
    /// Whether both are the same one, or copies of it.
    public static func == (first: SQLiteOpening, second: SQLiteOpening) -> Bool {
        first.body === second.body && first.connections == second.connections
    }

    /// Hashes which one it is.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(body))
        hasher.combine(connections)
    }
}
