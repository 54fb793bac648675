// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An observer of the statements that run on the connections of a database pool.
///
/// ```swift
/// struct Printer: StatementObserver {
///     func observe(_ event: StatementEvent) { print(event.duration, event.text) }
/// }
/// ```
///
/// A pool without such an observer reads no clock for its statements.
public protocol StatementObserver: Sendable {
    /// Handles the end of a statement. Must neither block nor use the pool.
    ///
    /// Called before the call returns or throws: in its task, or on the thread of an SQLite
    /// connection. There it is called later for a call that was cancelled or has reached its
    /// deadline, when its statement has ended. An iteration that ends early is
    /// reported when its iterator is released.
    func observe(_ event: StatementEvent)
}

/// A statement that has ended, for a ``StatementObserver``.
///
/// It contains the text of the statement, and no values of parameters.
public struct StatementEvent: Sendable {
    /// The connection on which a statement has run.
    public struct Connection: Sendable, Hashable {
        /// The name of the pool.
        public let pool: String
        /// A number that distinguishes the connections of a pool; for PostgreSQL the identifier of
        /// the server's process; for SQLite 0 for the writer.
        public let number: Int
        /// The database system by its name in OpenTelemetry, such as `postgresql`.
        public let system: String
        /// The name of the database; for SQLite of its file.
        public let database: String?
        /// The host name or address of the server, or the path of its socket.
        public let host: String?
        /// The port of the server; `nil` for a socket in the file system.
        public let port: Int?

        package init(pool: String, number: Int, system: String, database: String?, host: String?, port: Int?) {
            self.pool = pool
            self.number = number
            self.system = system
            self.database = database
            self.host = host
            self.port = port
        }
    }

    /// The end of a statement.
    ///
    /// A later version may add cases, so a `switch` in another package ends with
    /// `@unknown default`.
    @nonexhaustive
    public enum Outcome: Sendable {
        /// The database has completed the statement.
        case completed
        /// The statement has failed, its deadline has passed, or its task was cancelled.
        case failed(Failure)
        /// The caller has left an iteration before its end, or the body of a `COPY` has thrown.
        case endedEarly
    }

    /// The reason why a statement has failed.
    public struct Failure: Sendable {
        /// The error that the caller receives.
        public let error: any Error
        /// The name of the kind of error: the code of the database, such as an SQLSTATE, or else
        /// the library's.
        public let code: String
        /// The code of the database; `nil` if it has reported none.
        public let databaseCode: String?

        package init(_ error: any Error, code: String, databaseCode: String?) {
            self.error = error
            self.code = code
            self.databaseCode = databaseCode
        }
    }

    /// The connection.
    public let connection: Connection

    /// The text of the statement, or of several that were sent as one message. Placeholders stand
    /// for the values of parameters.
    public let text: String

    /// The types of the parameters by their names in the database; `unspecified` for a type that
    /// the database infers.
    public let parameterTypes: [String]

    /// The command of the statement, such as `SELECT` or `WITH`; `nil` for a script and for an
    /// unknown command.
    public let operation: String?

    /// The time from the call to the end of the statement, without ``wait``. For an iteration it
    /// includes the time of the loop's body, and for a statement of a pipeline it is that of the
    /// whole pipeline.
    public let duration: Duration

    /// The number of statements that were sent together; 1 outside a pipeline.
    public let pipelineLength: Int

    /// The time that the caller has waited for the connection. Only the first statement of a lease
    /// has it.
    public let wait: Duration?

    /// The end of the statement.
    public let outcome: Outcome

    /// The number of rows that the statement has returned, changed or copied; `nil` if it has
    /// failed or ended early.
    public let rowCount: Int?

    /// Whether ``rowCount`` counts rows that the caller has received.
    public let returnsRows: Bool

    /// The description of the effect by the database, such as `UPDATE 3`; `nil` if there is none.
    public let commandTag: String?

    let site: CallSite?

    /// The instant of the end, in nanoseconds of the system's clock.
    let end: UInt64

    let context: Context

    /// The file and line of the call of the pool: of the statement itself, or of the
    /// `withConnection` or `withTransaction` around it.
    public var callSite: String? { site?.description }
}
