// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteFunction {
    /// Returns a function that computes one value from the rows of a group.
    ///
    /// ```swift
    /// .aggregate("product", initial: 1.0) { (product: inout Double, factor: Double) in
    ///     product *= factor
    /// } result: { $0 }
    /// ```
    ///
    /// - Parameters:
    ///   - name: As for ``scalar(_:isDeterministic:schemaUse:_:)``.
    ///   - initial: The state of a new group.
    ///   - schemaUse: Whether the schema of a file can call the function.
    ///   - step: Adds a row to the state. Its further parameters are the arguments.
    ///   - result: Computes the result from the final state, or from the initial one for a group
    ///     without rows. If the statement ends early, it is called for the rows up to then, and
    ///     its result is dropped.
    public static func aggregate<
        State,
        each Argument: SQLiteDecodable & SendableMetatype,
        Result: SQLiteEncodable & SendableMetatype
    >(
        _ name: String,
        initial: @escaping @autoclosure @Sendable () -> State,
        schemaUse: SchemaUse = .never,
        step: @escaping @Sendable (inout State, repeat each Argument) throws -> Void,
        result: @escaping @Sendable (State) throws -> Result
    ) -> SQLiteFunction {
        SQLiteFunction(
            name: name,
            argumentCount: SQLiteConnection.count((repeat each Argument).self),
            isDeterministic: false,
            schemaUse: schemaUse,
            kind: .aggregate(isWindow: false) {
                StateAccumulation(
                    initial(),
                    step: { state, arguments in
                        let values: (repeat each Argument) = try arguments.decode()
                        try step(&state, repeat each values)
                    },
                    inverse: { _, _ in },
                    result: { try result($0).sqliteParameter }
                )
            }
        )
    }

    /// Returns an aggregate that can also compute a value for a window of rows that moves.
    ///
    /// ```swift
    /// .window("moving_sum", initial: 0) { (sum: inout Int, number: Int) in
    ///     sum += number
    /// } inverse: { sum, number in
    ///     sum -= number
    /// } result: { $0 }
    /// ```
    ///
    /// - Parameters:
    ///   - name: As for ``scalar(_:isDeterministic:schemaUse:_:)``.
    ///   - initial: The state of a new group or window.
    ///   - schemaUse: Whether the schema of a file can call the function.
    ///   - step: Adds a row to the state. Its further parameters are the arguments.
    ///   - inverse: Removes the row that was added first from the state.
    ///   - result: Computes the result for a window, or for a group as for
    ///     ``aggregate(_:initial:schemaUse:step:result:)``.
    public static func window<
        State,
        each Argument: SQLiteDecodable & SendableMetatype,
        Result: SQLiteEncodable & SendableMetatype
    >(
        _ name: String,
        initial: @escaping @autoclosure @Sendable () -> State,
        schemaUse: SchemaUse = .never,
        step: @escaping @Sendable (inout State, repeat each Argument) throws -> Void,
        inverse: @escaping @Sendable (inout State, repeat each Argument) throws -> Void,
        result: @escaping @Sendable (State) throws -> Result
    ) -> SQLiteFunction {
        SQLiteFunction(
            name: name,
            argumentCount: SQLiteConnection.count((repeat each Argument).self),
            isDeterministic: false,
            schemaUse: schemaUse,
            kind: .aggregate(isWindow: true) {
                StateAccumulation(
                    initial(),
                    step: { state, arguments in
                        let values: (repeat each Argument) = try arguments.decode()
                        try step(&state, repeat each values)
                    },
                    inverse: { state, arguments in
                        let values: (repeat each Argument) = try arguments.decode()
                        try inverse(&state, repeat each values)
                    },
                    result: { try result($0).sqliteParameter }
                )
            }
        )
    }
}

/// The state of an aggregate for one group or window.
class Accumulation {
    /// Whether the statement has failed in this function. The result is then not computed.
    var hasFailed = false

    func step(_ arguments: inout FunctionArguments) throws { preconditionFailure("A state is accumulated.") }
    func inverse(_ arguments: inout FunctionArguments) throws { preconditionFailure("A state is accumulated.") }
    func result() throws -> SQLiteParameter { preconditionFailure("A state is accumulated.") }
}

private final class StateAccumulation<State>: Accumulation {
    typealias Step = @Sendable (inout State, inout FunctionArguments) throws -> Void

    private var state: State
    private let stepBody: Step
    private let inverseBody: Step
    private let resultBody: @Sendable (State) throws -> SQLiteParameter

    init(
        _ state: State,
        step: @escaping Step,
        inverse: @escaping Step,
        result: @escaping @Sendable (State) throws -> SQLiteParameter
    ) {
        self.state = state
        (stepBody, inverseBody, resultBody) = (step, inverse, result)
    }

    override func step(_ arguments: inout FunctionArguments) throws { try stepBody(&state, &arguments) }
    override func inverse(_ arguments: inout FunctionArguments) throws { try inverseBody(&state, &arguments) }
    override func result() throws -> SQLiteParameter { try resultBody(state) }
}
