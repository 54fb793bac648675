// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A subscription to committed changes, from `changes(in:)` of a ``SQLitePool``.
///
/// ```swift
/// for await batch in try await pool.changes(in: "user", "session") {
///     switch batch.rows(of: "user") {
///     case .some(.rows(let ids)): for id in ids { cache.remove(id) }
///     case .some(.all): cache.removeAll()
///     case nil: break
///     }
/// }
/// ```
///
/// A commit that the consumer has not read is merged into one batch with the next ones, so that
/// the memory is bounded and no change is lost. The sequence ends when the pool is closed or
/// released, after ``cancel()``, and for a cancelled task.
///
/// Changes are buffered from the subscription on, also while no iteration runs. Copies and
/// iterators share the buffer, so each batch is returned once; subscribe again for another
/// consumer. The subscription ends when the last copy and the last iterator are released.
public struct SQLiteChanges: AsyncSequence, Sendable {
    /// The changes of one or several commits.
    public typealias Element = Batch
    /// An iteration throws no error.
    public typealias Failure = Never

    private let subscription: ChangeSubscription

    init(_ subscription: ChangeSubscription) { self.subscription = subscription }

    /// Returns an iterator over the batches that no other iterator has returned.
    public func makeAsyncIterator() -> Iterator { Iterator(subscription) }

    /// Ends the subscription. A buffered batch is discarded, and each iteration ends. Returns at
    /// once.
    public func cancel() { subscription.cancel() }

    /// An iterator over batches of changes.
    public struct Iterator: AsyncIteratorProtocol {
        private let subscription: ChangeSubscription

        init(_ subscription: ChangeSubscription) { self.subscription = subscription }

        /// Returns the changes since the last batch; `nil` after the end of the subscription or of
        /// the pool, and if the task is cancelled.
        ///
        /// Suspends until a commit changes an observed table. A batch that arrives as the task is
        /// cancelled stays in the buffer.
        public mutating func next() async -> Batch? { await subscription.buffer.next().map(Batch.init) }

        /// Returns the next batch. The same as ``next()``, for actor-isolated code.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Batch? {
            await subscription.buffer.next(isolation: actor).map(Batch.init)
        }
    }
}

extension SQLiteChanges {
    /// A table of a database. A literal names a table of the main database.
    ///
    /// Names are equal regardless of the case of ASCII letters, as in SQLite. `sqlite_schema`
    /// stands for the definitions of all tables, views, indexes and triggers of a database.
    public struct Table: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
        /// The schema name of the database: `main`, or that of an attached database.
        public let database: String
        /// The name of the table.
        public let name: String
        /// Both names, in lowercase.
        private let key: String

        /// Creates the name of a table.
        ///
        /// - Parameters:
        ///   - name: The name of the table.
        ///   - database: The schema name of the database.
        public init(_ name: String, in database: String = "main") {
            self.database = database
            let isSchema = Self.isSchema(name)
            self.name = isSchema ? "sqlite_schema" : name
            key = Self.lowercased(database) + "\0" + (isSchema ? "sqlite_schema" : Self.lowercased(name))
        }

        /// Creates the name of a table of the main database.
        public init(stringLiteral name: String) { self.init(name) }

        /// The names of the database and the table.
        public var description: String { "\(database).\(name)" }

        /// Returns whether the tables are the same.
        public static func == (left: Table, right: Table) -> Bool { left.key == right.key }

        /// Hashes the names, regardless of their case.
        public func hash(into hasher: inout Hasher) { hasher.combine(key) }

        /// The table of the definitions of a database.
        static func schema(of database: String) -> Table { Table("sqlite_schema", in: database) }

        /// Whether the table contains the definitions of a database.
        var isSchema: Bool { name == "sqlite_schema" }

        /// Whether SQLite keeps the table for itself and reports no change of it, or no other
        /// connection has the table.
        var isInternal: Bool { key.hasPrefix("temp\0") || (!isSchema && Self.lowercased(name).hasPrefix("sqlite_")) }

        private static func isSchema(_ name: String) -> Bool {
            guard name.utf8.count >= 13 else { return false }
            return ["sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"]
                .contains(lowercased(name))
        }

        /// Returns a name with lowercase ASCII letters.
        static func lowercased(_ name: String) -> String {
            guard name.utf8.contains(where: { (0x41...0x5a).contains($0) }) else { return name }
            return String(decoding: name.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
        }
    }

    /// The changed rows of a table.
    public enum Rows: Hashable, Sendable {
        /// The row IDs of the rows that were inserted, updated or deleted.
        case rows(Set<Int64>)
        /// Any row may have changed: there are too many, or SQLite does not report their row IDs.
        case all
    }

    /// The changes of one or several commits.
    public struct Batch: Hashable, Sendable {
        /// The changed tables, and their rows.
        public let tables: [Table: Rows]

        /// Whether any other table may have changed as well, for example by `VACUUM`, a restored
        /// database, or another process.
        ///
        /// Always `false` for a subscription that names its tables: `tables` then has all of them.
        public let mayAffectAllTables: Bool

        init(_ changes: ChangeSet) {
            tables = changes.tables.mapValues { $0.rows.map(Rows.rows) ?? .all }
            mayAffectAllTables = changes.isEverything
        }

        /// Returns the changed rows of a table; `nil` if it has not changed.
        ///
        /// - Complexity: O(1).
        public func rows(of table: Table) -> Rows? { mayAffectAllTables ? .all : tables[table] }
    }
}
