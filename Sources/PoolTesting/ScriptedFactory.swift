// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// A factory of simulated connections that follows a test's script and records its calls.
///
/// ```swift
/// let factory = ScriptedFactory()
/// factory.script(.connect, [.fail(), .hang])
/// let pool = try ConnectionPool(factory: factory, clock: clock)
/// ```
///
/// Calls without a script succeed at once. A hanging call hangs until ``letGo(_:failing:)``, even
/// if its task is cancelled, like a call to a server that has vanished.
/// ``Step/hangUntilCancelled`` simulates a driver that supports cancellation.
public final class ScriptedFactory: ConnectionFactory {
    /// The operations that can be scripted.
    public enum Operation: Hashable, Sendable, CaseIterable {
        /// A call of ``ScriptedFactory/connect()``.
        case connect
        /// A call of ``ScriptedFactory/reset(_:)``.
        case reset
        /// A call of ``ScriptedFactory/ping(_:)``.
        case ping
        /// A call of ``ScriptedFactory/close(_:)``, which cannot throw: a failing one ends like a
        /// successful one.
        case close
        /// A call of ``ScriptedConnection/use()``.
        case use
    }

    /// The outcome of a call.
    public enum Step: Sendable {
        /// The call succeeds.
        case succeed
        /// The call fails, with this error if it can throw.
        case fail(any Error = ScriptedFailure())
        /// The call hangs until the test resumes it, even if its task is cancelled.
        case hang
        /// The call hangs until the test resumes it or its task is cancelled. Then it fails with
        /// `CancellationError`.
        case hangUntilCancelled
        /// The call succeeds after this duration on the factory's clock. It fails with
        /// `CancellationError` if its task is cancelled before that.
        case take(Duration)
    }

    private let ledger: Ledger

    /// Creates a factory whose calls all succeed.
    ///
    /// - Parameter clock: The clock of the connections' ages and of calls that take a given time.
    public init(clock: some Clock<Duration> = ContinuousClock()) {
        let start = clock.now
        ledger = Ledger {
            start.duration(to: clock.now)
        } sleep: {
            try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil)
        }
    }

    // MARK: What is to happen

    /// Scripts the next calls, one step for each. Replaces the remaining steps.
    ///
    /// - Parameters:
    ///   - operation: The operation.
    ///   - steps: The outcomes of the calls, in their order.
    ///   - rest: The outcome of the calls after these.
    public func script(_ operation: Operation, _ steps: [Step], then rest: Step = .succeed) {
        ledger.change { $0.scripts[operation] = Script(steps: steps[...], rest: rest) }
    }

    /// Scripts all following calls.
    ///
    /// - Parameters:
    ///   - operation: The operation.
    ///   - step: The outcome of the calls.
    public func script(_ operation: Operation, always step: Step) { script(operation, [], then: step) }

    /// Resumes the call that has been hanging for the longest time. Waits for one if no call
    /// hangs yet: a pool connects in a task of its own, which may start late.
    ///
    /// Gives up when its task is cancelled, for example by the test's time limit.
    ///
    /// - Parameters:
    ///   - operation: The operation.
    ///   - error: The error of the call; `nil` for success.
    public func letGo(_ operation: Operation, failing error: (any Error)? = nil) async {
        while !ledger.letGo(operation, error), !Task.isCancelled {
            await ledger.wait { $0.hanging(operation) > 0 }
        }
    }

    /// Resumes all hanging calls, and lets all following calls succeed. For the end of a test.
    public func letGoOfAll() {
        for operation in Operation.allCases {
            script(operation, always: .succeed)
            while ledger.letGo(operation, nil) {}
        }
    }

    /// Breaks a connection, in use or idle, as a server does: ``inspect(_:)`` returns `broken`
    /// from now on, and pings and uses fail.
    ///
    /// A pool detects it when the connection is returned or tested, or by `inspectIdle()`.
    ///
    /// - Parameter id: The connection's ``ScriptedConnection/id``.
    public func breakConnection(_ id: Int) { ledger.change { $0.health[id] = .broken } }

    /// Breaks all current connections, as the restart of a server does.
    public func breakAllConnections() {
        ledger.change { state in for id in state.record.openIDs { state.health[id] = .broken } }
    }

    /// Performs the next step of an operation's script, on behalf of a hook of another pool or of
    /// the code under test.
    ///
    /// Suspends as the step says.
    ///
    /// - Parameter operation: The operation.
    /// - Throws: The scripted error; `CancellationError` if the step supports cancellation and the
    ///   task is cancelled.
    public func perform(_ operation: Operation) async throws { try await ledger.perform(operation) }

    // MARK: What has happened

    /// The calls so far and their results.
    public var record: Record { ledger.record }

    /// Returns the age of a connection.
    ///
    /// - Parameter id: The connection's ``ScriptedConnection/id``.
    /// - Returns: The time since the connection was made, even if it is closed; `nil` if it was
    ///   never made.
    public func age(of id: Int) -> Duration? { ledger.age(of: id) }

    /// Suspends until the record fulfills a condition, or the task is cancelled, for example by
    /// the test's time limit.
    ///
    /// - Parameter condition: Evaluated after each change of the record.
    public func wait(until condition: @escaping @Sendable (Record) -> Bool) async {
        await ledger.wait(until: condition)
    }

    // MARK: What a pool asks for

    /// Makes a connection, according to the script.
    public func connect() async throws -> ScriptedConnection {
        ledger.change { $0.record.occupy() }
        do {
            try await ledger.perform(.connect)
        } catch {
            ledger.change { $0.record.open -= 1 }
            throw error
        }
        return ScriptedConnection(id: ledger.connected(), ledger: ledger)
    }

    /// Returns the scripted health of a connection; by default `reusable`.
    public func inspect(_ connection: borrowing ScriptedConnection) -> ConnectionHealth {
        ledger.health(of: connection.id)
    }

    /// Resets a connection, according to the script.
    public func reset(_ connection: borrowing ScriptedConnection) async -> Bool {
        guard (try? await ledger.perform(.reset, on: connection.id)) != nil else { return false }
        ledger.change { if $0.health[connection.id] == .needsReset { $0.health[connection.id] = nil } }
        return ledger.health(of: connection.id) == .reusable
    }

    /// Returns whether a connection works, according to the script and to its health.
    public func ping(_ connection: borrowing ScriptedConnection) async -> Bool {
        guard (try? await ledger.perform(.ping, on: connection.id)) != nil else { return false }
        return ledger.health(of: connection.id) != .broken
    }

    /// Closes a connection, according to the script.
    public func close(_ connection: consuming ScriptedConnection) async {
        let id = connection.id
        try? await ledger.perform(.close, on: id)
        ledger.change { state in
            state.record.open -= 1
            state.record.closed.append(id)
            state.health[id] = .broken
        }
    }

    /// Returns a function that fails current and future calls of the connection's
    /// ``ScriptedConnection/use()``, and records the interruption.
    public func interruption(of connection: borrowing ScriptedConnection) -> (@Sendable () -> Void)? {
        let id = connection.id
        return { [ledger] in ledger.interrupt(id) }
    }

    /// Returns whether the error is a ``ScriptedFailure`` that is marked as permanent.
    public func isPermanent(_ error: any Error) -> Bool { (error as? ScriptedFailure)?.isPermanent ?? false }
}

/// A connection of a ``ScriptedFactory``.
public struct ScriptedConnection: ~Copyable, Sendable {
    /// The connection's unique number; 1 for the first connection.
    public let id: Int

    let ledger: Ledger

    /// Simulates a statement, a request or another use: performs the next step of
    /// ``ScriptedFactory/Operation/use``.
    ///
    /// - Throws: The scripted error; a ``ScriptedFailure`` if the connection is broken or
    ///   interrupted.
    public func use() async throws {
        try ledger.checkUse(of: id)
        try await ledger.perform(.use, on: id)
        try ledger.checkUse(of: id)
    }

    /// Makes ``ScriptedFactory/inspect(_:)`` return `broken` from now on.
    public func breakDown() { ledger.change { $0.health[id] = .broken } }

    /// Makes ``ScriptedFactory/inspect(_:)`` return `needsReset` until the next reset.
    public func soil() { ledger.change { $0.health[id] = .needsReset } }
}

/// The default error of a failing call of a ``ScriptedFactory``.
public struct ScriptedFailure: Error, Hashable, CustomStringConvertible {
    /// A description of the failure.
    public let description: String

    /// Whether no further connection attempt can succeed; see
    /// ``ScriptedFactory/isPermanent(_:)``.
    public let isPermanent: Bool

    /// Creates a failure.
    ///
    /// - Parameters:
    ///   - description: A description of the failure.
    ///   - isPermanent: Whether no further connection attempt can succeed.
    public init(_ description: String = "the script says so", isPermanent: Bool = false) {
        self.description = description
        self.isPermanent = isPermanent
    }
}

extension ScriptedFactory {
    /// The calls of a ``ScriptedFactory`` and their results.
    public struct Record: Hashable, Sendable {
        /// The connections that were made, in order.
        public internal(set) var connected: [Int] = []

        /// The connections that were closed, in order.
        public internal(set) var closed: [Int] = []

        /// The connections that a pool interrupted, in order.
        public internal(set) var interrupted: [Int] = []

        /// The number of connections on the simulated server: from the start of the call that
        /// makes one to the end of its close.
        public internal(set) var open = 0

        /// The largest value of ``open``. A pool whose time limits are kept never exceeds its
        /// maximum.
        public internal(set) var peak = 0

        var calls: [Operation: Int] = [:]
        var hung: [Operation: Int] = [:]

        /// The number of calls, including those that failed or hang.
        public func count(of operation: Operation) -> Int { calls[operation] ?? 0 }

        /// The number of calls that hang now.
        public func hanging(_ operation: Operation) -> Int { hung[operation] ?? 0 }

        /// The connections that were made and have not been closed, in ascending order.
        public var openIDs: [Int] { Set(connected).subtracting(closed).sorted() }

        mutating func occupy() {
            open += 1
            peak = max(peak, open)
        }
    }
}
