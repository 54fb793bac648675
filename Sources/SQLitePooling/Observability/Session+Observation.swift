// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

// What observers of statements receive. Without observers, no call is recorded on the session, and
// a statement costs a comparison with `nil`.

/// A statement in progress that has observers. If it is released before its end, the statement has
/// ended early.
final class ObservedStatement {
    private let observation: StatementObservation
    /// The number of rows so far.
    private var rows = 0
    /// The number of changed rows of the connection before the statement.
    private let changes: Int64

    init(_ observation: StatementObservation, changes: Int64) {
        self.observation = observation
        self.changes = changes
    }

    func noteTypes(_ types: [String]) { observation.parameterTypes = types }

    func countRow() { rows += 1 }

    /// Reports that SQLite has completed the statement, or that its caller needs no more rows.
    func complete(_ statement: Statement, in session: Session) {
        let returnsRows = statement.columnCount > 0
        let hasChanged = unsafe sqlite3_total_changes64(session.handle) != changes
        let changed = hasChanged ? Int(unsafe sqlite3_changes64(session.handle)) : 0
        observation.complete(rowCount: returnsRows ? rows : changed, returnsRows: returnsRows, commandTag: nil)
    }

    func fail(_ error: SQLiteError, in session: Session) { observation.fail(session.observedFailure(error)) }

    func endEarly() { observation.endEarly() }
}

extension Session {
    /// Begins to observe a statement of the running call.
    ///
    /// - Returns: `nil` without observers, or outside of a call, for statements of the setup and
    ///   of hooks.
    func observe(_ text: String, _ parameterTypes: [String] = [], isScript: Bool = false) -> StatementObservation? {
        guard let statementObservers, observedCall != nil else { return nil }
        return StatementObservation(
            statementObservers,
            text: text,
            parameterTypes: parameterTypes,
            isScript: isScript,
            call: &observedCall
        )
    }

    /// Returns an observed statement with bound values, as ``begin(_:)``.
    // Not inlined, so that a statement without observers has no code of this.
    @inline(never)
    func beginObserved(_ sql: SQLiteQuery) throws(SQLiteError) -> Statement {
        guard let observation = observe(sql.text, sql.parameters.map(\.typeName)) else { return try start(sql) }
        let observed = ObservedStatement(observation, changes: unsafe sqlite3_total_changes64(handle))
        do throws(SQLiteError) {
            let statement = try start(sql)
            statement.observed = observed
            if !sql.namedParameters.isEmpty { observed.noteTypes(statement.parameterTypes(of: sql)) }
            return statement
        } catch {
            observed.fail(error, in: self)
            throw error
        }
    }

    /// Runs a part of a call as one observed statement.
    func observing(
        _ observation: StatementObservation?,
        _ body: () throws(SQLiteError) -> Void
    ) throws(SQLiteError) {
        guard let observation else { return try body() }
        do throws(SQLiteError) {
            try body()
        } catch {
            observation.fail(observedFailure(error))
            throw error
        }
        observation.complete(rowCount: nil, returnsRows: false, commandTag: nil)
    }

    /// Returns the reason of a failure for observers: the error that the caller receives.
    fileprivate func observedFailure(_ error: SQLiteError) -> StatementEvent.Failure {
        if Self.isCausedByCancellation(error), let reason = interruption?.stopReason {
            return StatementEvent.Failure(reason.error, code: reason.code, databaseCode: nil)
        }
        let code = error.code
        return StatementEvent.Failure(
            error,
            code: code.name,
            databaseCode: code.rawValue > 0 ? "\(code.rawValue)" : nil
        )
    }
}

extension Interruption.Reason {
    fileprivate var code: String {
        switch self {
        case .cancelled: "cancelled"
        case .overdue: SQLiteError.Code.timedOut.name
        }
    }
}

extension Statement {
    /// The types of the values by the numbers of the parameters.
    fileprivate func parameterTypes(of sql: SQLiteQuery) -> [String] {
        var unnamed = sql.parameters[...]
        return parameterNames.map { name in
            (name.flatMap { sql.namedParameters[$0] } ?? unnamed.popFirst())?.typeName ?? "unspecified"
        }
    }
}

extension SQLiteParameter {
    /// The type for observers, without the value.
    fileprivate var typeName: String {
        switch content {
        case .list, .elements: "list"
        default: description
        }
    }
}

extension SQLiteFile {
    /// Returns the record of a call that begins to wait for a connection; `nil` if statements have
    /// no observers.
    @inline(__always)
    func observedCall(_ caller: CallSite) -> ObservedCall? {
        statementObservers.isEmpty ? nil : ObservedCall(caller)
    }

    /// Returns the observers of the statements of one connection; `nil` if there are none.
    ///
    /// - Parameter number: The number of the connection: 0 for the writer.
    func observers(ofConnection number: Int) -> StatementObservers? {
        StatementObservers(
            statementObservers,
            of: StatementEvent.Connection(
                pool: configuration.pool.name,
                number: number,
                system: "sqlite",
                database: location.name,
                host: nil,
                port: nil
            )
        )
    }
}
