// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

/// The observers of the statements of one connection.
package final class StatementObservers: Sendable {
    fileprivate let observers: [any StatementObserver]
    fileprivate let connection: StatementEvent.Connection

    /// - Returns: `nil` if there are no observers.
    package init?(_ observers: [any StatementObserver], of connection: @autoclosure () -> StatementEvent.Connection) {
        if observers.isEmpty { return nil }
        self.observers = observers
        self.connection = connection()
    }
}

/// The call for which a connection is leased, for the observers of its statements.
package struct ObservedCall: Sendable {
    fileprivate let site: CallSite
    fileprivate let context = StatementEvent.Context()
    private let start: UInt64
    /// The wait for the connection, in nanoseconds, until the first statement takes it.
    fileprivate var wait: UInt64?

    /// Creates the record of a call that begins to wait for a connection.
    package init(_ site: CallSite) {
        self.site = site
        start = lockpool_instant()
    }

    /// Ends the wait for the connection.
    package func withConnection() -> ObservedCall {
        var call = self
        call.wait = lockpool_instant().elapsed(since: start)
        return call
    }

    fileprivate mutating func takeWait() -> UInt64? {
        defer { wait = nil }
        return wait
    }
}

/// A statement in progress that has observers. Reports its end once.
///
/// If it is released before that, the statement has ended early.
package final class StatementObservation {
    private let observers: StatementObservers
    private let isScript: Bool
    private let pipelineLength: Int
    private let site: CallSite?
    private let wait: UInt64?
    private let start = lockpool_instant()
    private var isOver = false

    /// The text of the statement, without values.
    package var text: String

    /// The names of the types of the parameters.
    package var parameterTypes: [String]

    private let context: StatementEvent.Context

    /// Begins to observe a statement.
    ///
    /// - Parameters:
    ///   - observers: The observers.
    ///   - text: The text of the statement, without values.
    ///   - parameterTypes: The names of the types of its parameters.
    ///   - isScript: Whether the text may have several statements of the caller.
    ///   - pipelineLength: The number of statements that are sent together.
    ///   - call: The call for which the connection is leased. The first statement takes its wait.
    package init(
        _ observers: StatementObservers,
        text: String,
        parameterTypes: [String] = [],
        isScript: Bool = false,
        pipelineLength: Int = 1,
        call: inout ObservedCall?
    ) {
        self.observers = observers
        self.text = text
        self.parameterTypes = parameterTypes
        self.isScript = isScript
        self.pipelineLength = pipelineLength
        // A thread of a connection has no task that identifies the caller.
        context = StatementEvent.Context().completed(by: call?.context)
        site = call?.site
        wait = call?.takeWait()
    }

    deinit { endEarly() }

    /// Reports that the database has completed the statement.
    ///
    /// - Parameters:
    ///   - rowCount: The number of rows that were returned, changed or copied.
    ///   - returnsRows: Whether the caller has received them.
    ///   - commandTag: The database's description of the effect.
    package func complete(rowCount: Int?, returnsRows: Bool, commandTag: String?) {
        report(.completed, rowCount: rowCount, returnsRows: returnsRows, commandTag: commandTag)
    }

    /// Reports that the statement has failed.
    package func fail(_ failure: StatementEvent.Failure) { report(.failed(failure)) }

    /// Reports that the caller does not await the end of the statement.
    package func endEarly() { report(.endedEarly) }

    private func report(
        _ outcome: StatementEvent.Outcome,
        rowCount: Int? = nil,
        returnsRows: Bool = false,
        commandTag: String? = nil
    ) {
        if isOver { return }
        isOver = true
        let end = lockpool_instant()
        let event = StatementEvent(
            connection: observers.connection,
            text: text,
            parameterTypes: parameterTypes,
            operation: isScript ? nil : StatementEvent.operation(of: text),
            duration: .nanoseconds(Int64(clamping: end.elapsed(since: start))),
            pipelineLength: pipelineLength,
            wait: wait.map { .nanoseconds(Int64(clamping: $0)) },
            outcome: outcome,
            rowCount: rowCount,
            returnsRows: returnsRows,
            commandTag: commandTag,
            site: site,
            end: end,
            context: context
        )
        for observer in observers.observers { observer.observe(event) }
    }
}
