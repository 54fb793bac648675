// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || SQLiteMigrations
    public import SQLitePooling

    /// The migrations of a SQLite database, in order.
    ///
    /// ```swift
    /// var migrations = SQLiteMigrations()
    /// migrations.add("001_create_book", "CREATE TABLE book (title TEXT PRIMARY KEY)")
    /// migrations.add("002_add_copies", "ALTER TABLE book ADD COLUMN copies INTEGER DEFAULT 1")
    /// try await migrations.apply(to: pool)
    /// ```
    ///
    /// A table of the database records the names of the applied migrations and a checksum of each.
    /// Programs that start at the same time apply each migration once. Requires the trait
    /// `SQLiteMigrations` or `AllMigrations`, which is enabled by default.
    public struct SQLiteMigrations: Sendable {
        /// How a migration treats foreign keys, on a connection that enforces them.
        public enum ForeignKeyChecks: Hashable, Sendable {
            /// They are not enforced while the migration runs. Before the commit all of them are
            /// checked, with `PRAGMA foreign_key_check`, and violations fail the migration.
            ///
            /// This is what SQLite requires for changes of a table that `ALTER TABLE` cannot make.
            /// If foreign keys were enforced, dropping the old table would delete the rows that
            /// refer to it, where `ON DELETE CASCADE` says so. The check reads all tables with
            /// foreign keys.
            case deferred
            /// They are enforced by each statement, as elsewhere.
            case immediate
            /// They are neither enforced nor checked.
            case disabled
        }

        enum Content: Sendable {
            case script(SQLiteQuery, ForeignKeyChecks)
            case body(@Sendable (borrowing SQLiteConnection) throws -> Void, ForeignKeyChecks)

            var checks: ForeignKeyChecks {
                switch self {
                case .script(_, let checks), .body(_, let checks): checks
                }
            }
        }

        var list = MigrationList<Content>()

        /// The name of the table that records the applied migrations.
        public var table = "pool_migrations"

        /// Whether the database may have migrations that the program does not know; by default
        /// not. An older version of a program then starts on a newer database.
        public var allowsUnknown: Bool {
            get { list.policy.allowsUnknown }
            set { list.policy.allowsUnknown = newValue }
        }

        /// Whether a migration may be applied after a later one; by default not.
        public var allowsOutOfOrder: Bool {
            get { list.policy.allowsOutOfOrder }
            set { list.policy.allowsOutOfOrder = newValue }
        }

        /// The names of the migrations, in order.
        public var names: [String] { list.entries.map(\.name) }

        /// Creates an empty list.
        public init() {}

        /// Appends a migration of SQL text.
        ///
        /// A change of the text after the migration was applied is an error.
        ///
        /// - Parameters:
        ///   - name: A name that no other migration of the list has. It must not change later.
        ///   - script: One or more statements, without parameters.
        ///   - transaction: Whether the migration has a transaction. With `none`, the statements
        ///     may begin and end transactions of their own.
        ///   - foreignKeyChecks: How the migration treats foreign keys. Without a transaction they
        ///     are enforced as elsewhere.
        public mutating func add(
            _ name: String,
            _ script: SQLiteQuery,
            transaction: MigrationTransaction = .own,
            foreignKeyChecks: ForeignKeyChecks = .deferred
        ) {
            list.entries.append(
                .init(
                    name: name,
                    checksum: MigrationChecksum.text(script.text),
                    transaction: transaction,
                    content: .script(script, foreignKeyChecks)
                )
            )
        }

        /// Appends a migration of Swift code.
        ///
        /// - Parameters:
        ///   - name: A name that no other migration of the list has. It must not change later.
        ///   - version: A text that stands for the code: a change of it after the migration was
        ///     applied is an error. `nil`, the default, for no check.
        ///   - transaction: Whether the migration has a transaction. The statements of `body` must
        ///     not end it.
        ///   - foreignKeyChecks: How the migration treats foreign keys. Without a transaction they
        ///     are enforced as elsewhere.
        ///   - body: Runs on the writer, on its thread. It cannot `await`.
        public mutating func add(
            _ name: String,
            version: String? = nil,
            transaction: MigrationTransaction = .own,
            foreignKeyChecks: ForeignKeyChecks = .deferred,
            _ body: @escaping @Sendable (borrowing SQLiteConnection) throws -> Void
        ) {
            list.entries.append(
                .init(
                    name: name,
                    checksum: MigrationChecksum.version(version),
                    transaction: transaction,
                    content: .body(body, foreignKeyChecks)
                )
            )
        }

        /// Appends the migrations of a folder: its files with names such as `001_create_book.sql`,
        /// in the order of their numbers.
        ///
        /// The name of a migration is that of its file without `.sql`. The number may have any
        /// length, as that of a date and time. `001_create_book.up.sql` has the name
        /// `001_create_book`, and a file that ends in `.down.sql` is ignored, as are files without
        /// `.sql`. A file whose first line is `-- no-transaction` has no transaction.
        ///
        /// - Parameter folder: The path of the folder.
        /// - Throws: ``MigrationError`` with the code `invalidFile` if the folder or a file cannot
        ///   be read, a file is not UTF-8, or its name does not begin with a number and `_`; with
        ///   the code `duplicateName` if two files have the same number.
        /// - Complexity: Reads the files, which blocks the calling thread.
        public mutating func add(contentsOf folder: String) throws(MigrationError) {
            for file in try MigrationFile.files(in: folder) {
                add(file.name, SQLiteQuery(unsafe: file.text), transaction: file.transaction)
            }
        }
    }
#endif
