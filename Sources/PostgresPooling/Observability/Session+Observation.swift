// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

// What observers of statements receive. Without observers, a statement costs a comparison with
// `nil` here.

extension Session {
    /// Begins to observe a statement; `nil` without observers.
    @inline(__always)
    func observe(_ query: PostgresQuery) -> StatementObservation? {
        guard let statementObservers else { return nil }
        return begin(statementObservers, query)
    }

    /// Begins to observe one statement without parameters, or statements of the library.
    @inline(__always)
    func observe(_ text: @autoclosure () -> String) -> StatementObservation? {
        guard let statementObservers else { return nil }
        return begin(statementObservers, text())
    }

    /// Begins to observe statements of the caller that are sent as one message.
    func observe(script: String) -> StatementObservation? {
        statementObservers.map { begin($0, script, isScript: !TransactionScanner.isSingle(script)) }
    }

    /// Begins to observe the statements of a pipeline.
    func observe(_ steps: [PostgresPipeline.Step]) -> [StatementObservation]? {
        guard let statementObservers else { return nil }
        let queries = steps.compactMap { if case .statement(let query, _) = $0 { query } else { nil } }
        return queries.map { begin(statementObservers, $0, pipelineLength: queries.count) }
    }

    // Not inlined, so that a statement without observers has no code of this.
    @inline(never)
    private func begin(
        _ observers: StatementObservers,
        _ query: PostgresQuery,
        pipelineLength: Int = 1
    ) -> StatementObservation {
        begin(
            observers,
            query.text,
            query.parameters.map { $0.type.description },
            pipelineLength: pipelineLength
        )
    }

    @inline(never)
    private func begin(
        _ observers: StatementObservers,
        _ text: String,
        _ parameterTypes: [String] = [],
        isScript: Bool = false,
        pipelineLength: Int = 1
    ) -> StatementObservation {
        StatementObservation(
            observers,
            text: text,
            parameterTypes: parameterTypes,
            isScript: isScript,
            pipelineLength: pipelineLength,
            call: &state.observedCall
        )
    }
}

extension StatementObservation {
    /// Reports that the server has completed the statement.
    func complete(_ result: PostgresResult) {
        let tag = result.commandTag
        complete(
            rowCount: result.affectedRowCount,
            returnsRows: result.hasRows || tag.hasPrefix("SELECT"),
            commandTag: tag.isEmpty ? nil : tag
        )
    }

    /// Reports that the statement has failed.
    func fail(_ error: PostgresError) {
        fail(
            StatementEvent.Failure(
                error.forCaller,
                code: error.sqlState?.description ?? error.code.description,
                databaseCode: error.sqlState?.description
            )
        )
    }
}

extension [StatementObservation] {
    /// Reports the ends of the statements of a pipeline.
    ///
    /// - Parameter error: The error of the pipeline; `nil` if all answers have arrived.
    func end(_ steps: [PostgresPipeline.Step], with error: PostgresError? = nil) {
        let answers = steps.compactMap { if case .statement(_, let answer) = $0 { answer.current } else { nil } }
        for (observation, answer) in zip(self, answers) {
            switch answer {
            case .done(let result): observation.complete(result)
            case .failed(_, let failure as PostgresError): observation.fail(failure)
            case .failed(_, let failure):
                // A cancellation.
                observation.fail(StatementEvent.Failure(failure, code: "cancelled", databaseCode: nil))
            case .pending: if let error { observation.fail(error) }
            }
        }
    }
}

extension StatementEvent.Connection {
    init(_ handle: OpaquePointer, pool: String) {
        let host = unsafe PQhost(handle).map { unsafe String(cString: $0) }
        let isSocket = host?.hasPrefix("/") ?? false || host?.hasPrefix("@") ?? false
        unsafe self.init(
            pool: pool,
            number: Int(PQbackendPID(handle)),
            system: "postgresql",
            database: PQdb(handle).map { unsafe String(cString: $0) },
            host: host,
            port: isSocket ? nil : PQport(handle).flatMap { unsafe Int(String(cString: $0)) }
        )
    }
}

extension PostgresPool {
    /// Returns the record of a call that begins to wait for a connection; `nil` if statements have
    /// no observers.
    @inline(__always)
    func observedCall(_ file: StaticString, _ line: UInt) -> ObservedCall? {
        observesStatements ? ObservedCall(CallSite(file, line)) : nil
    }

    @inline(__always)
    func observedCall(_ caller: CallSite) -> ObservedCall? { observesStatements ? ObservedCall(caller) : nil }
}

extension PostgresConnection {
    /// Records the call for which the connection is leased, and the end of its wait.
    @inline(__always)
    func begin(_ call: ObservedCall?) { if let call { session.state.observedCall = call.withConnection() } }
}
