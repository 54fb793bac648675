// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An error of migrations.
///
/// It contains the names of migrations, and no value of the database. The error of a statement is
/// its ``underlying`` error.
public struct MigrationError: Error, Sendable {
    /// The kinds of failure. Later versions may add more.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// A migration has no name, or a name with more than 255 bytes or a control character.
        public static let invalidName = Code(description: "invalidName")

        /// Two migrations have the same name, or two files the same number.
        public static let duplicateName = Code(description: "duplicateName")

        /// A folder or a file of migrations cannot be read.
        public static let invalidFile = Code(description: "invalidFile")

        /// A script has parameters, or the name of the table is invalid.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")

        /// The text, or the version, of an applied migration differs from the one that was
        /// applied.
        public static let changed = Code(description: "changed")

        /// The database has a migration that the program does not know.
        public static let unknown = Code(description: "unknown")

        /// A migration that is not applied stands before one that is.
        public static let outOfOrder = Code(description: "outOfOrder")

        /// A migration without a transaction has begun and not ended: it failed, or its process
        /// ended. Which of its statements took effect is not known.
        public static let unfinished = Code(description: "unfinished")

        /// A migration failed, for the reason in ``MigrationError/underlying``. A migration with a
        /// transaction has changed nothing, unless that error says that its outcome is unknown.
        public static let failed = Code(description: "failed")

        /// A migration would leave rows whose foreign keys refer to no row. It has changed
        /// nothing.
        public static let foreignKeys = Code(description: "foreignKeys")

        /// A migration without a transaction cannot run here, as behind a pooler in transaction
        /// mode. Nothing has run.
        public static let unsupported = Code(description: "unsupported")

        /// The time limit passed before the next migration began: another process was applying
        /// migrations, or the pool had no connection.
        public static let timedOut = Code(description: "timedOut")
    }

    /// The kind of failure.
    public let code: Code

    /// The name of the migration; `nil` if the error does not concern one.
    public let migration: String?

    /// A description of the failure.
    public let message: String

    /// The error that a statement or a closure has thrown.
    public let underlying: (any Error)?

    init(_ code: Code, _ message: String, migration: String? = nil, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.migration = migration
        self.underlying = underlying
    }
}

extension MigrationError: CustomStringConvertible {
    /// The migration, the message, the code and the underlying error.
    public var description: String {
        let subject = migration.map { "migration \($0): " } ?? ""
        let cause = underlying.map { ": \($0)" } ?? ""
        return "\(subject)\(message) (\(code))\(cause)"
    }
}

extension MigrationError {
    /// Returns the error of a migration whose statement or closure has thrown another error.
    static func failed(_ migration: String, _ error: any Error) -> MigrationError {
        if let error = error as? MigrationError { return error }
        return MigrationError(.failed, "it failed", migration: migration, underlying: error)
    }
}
