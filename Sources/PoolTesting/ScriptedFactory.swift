// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// A factory of connections to nowhere, which does what a test tells it and remembers what was asked of it.
///
/// ```swift
/// let factory = ScriptedFactory()
/// factory.script(.connect, [.fail(), .hang])
/// let pool = try ConnectionPool(factory: factory, clock: clock)
/// ```
///
/// What is not scripted succeeds at once. A call that hangs does so until ``letGo(_:failing:)``, whatever becomes of its task:
/// that is what a peer is like that has gone without a word. ``Step/hangUntilCancelled`` is for a driver that heeds cancellation.
public final class ScriptedFactory: ConnectionFactory {
    /// What can be scripted.
    public enum Operation: Hashable, Sendable, CaseIterable {
        /// A call of ``ScriptedFactory/connect()``.
        case connect
        /// A call of ``ScriptedFactory/reset(_:)``.
        case reset
        /// A call of ``ScriptedFactory/ping(_:)``.
        case ping
        /// A call of ``ScriptedFactory/close(_:)``, which throws nothing: one that fails ends like one that succeeds.
        case close
        /// A call of ``ScriptedConnection/use()``.
        case use
    }

    /// What becomes of a call.
    public enum Step: Sendable {
        /// It works.
        case succeed
        /// It fails, with this error if it can throw.
        case fail(any Error = ScriptedFailure())
        /// It waits until it is let go, whatever becomes of its task.
        case hang
        /// It waits until it is let go or its task is cancelled; then it fails with `CancellationError`.
        case hangUntilCancelled
        /// It works after so long on the factory's clock. It fails with `CancellationError` if its task is cancelled before.
        case take(Duration)
    }

    private let ledger: Ledger

    /// A factory whose calls all succeed.
    ///
    /// - Parameter clock: What the ages of connections are measured by, and what calls take that take time.
    public init(clock: some Clock<Duration> = ContinuousClock()) {
        let start = clock.now
        ledger = Ledger {
            start.duration(to: clock.now)
        } sleep: {
            try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil)
        }
    }

    // MARK: What is to happen

    /// Says what the next calls are to do, one step for each. It takes the place of the steps that are left.
    ///
    /// - Parameters:
    ///   - operation: Which calls are meant.
    ///   - steps: What they do, in the order of the calls.
    ///   - rest: What those that come after do.
    public func script(_ operation: Operation, _ steps: [Step], then rest: Step = .succeed) {
        ledger.change { $0.scripts[operation] = Script(steps: steps[...], rest: rest) }
    }

    /// Says what all calls from now on are to do.
    ///
    /// - Parameters:
    ///   - operation: Which calls are meant.
    ///   - step: What they do.
    public func script(_ operation: Operation, always step: Step) { script(operation, [], then: step) }

    /// Lets the call go on that has hung for longest, and waits for one if none hangs yet: a pool connects in a task of its own,
    /// which may not have begun.
    ///
    /// Gives up when its task is cancelled, as a test's is by its time limit.
    ///
    /// - Parameters:
    ///   - operation: Which calls are meant.
    ///   - error: What it fails with; `nil` if it succeeds.
    public func letGo(_ operation: Operation, failing error: (any Error)? = nil) async {
        while !ledger.letGo(operation, error), !Task.isCancelled {
            await ledger.wait { $0.hanging(operation) > 0 }
        }
    }

    /// Lets all calls go on that hang, and no call hang from now on: for the end of a test.
    public func letGoOfAll() {
        for operation in Operation.allCases {
            script(operation, always: .succeed)
            while ledger.letGo(operation, nil) {}
        }
    }

    /// Ends a connection from the other side, in use or not: ``inspect(_:)`` says that it is broken from now on, a ping of it fails,
    /// and so does a use.
    ///
    /// A pool learns of it when the connection comes back, when it is tested, or by the
    /// pool's `inspectIdle()`.
    ///
    /// - Parameter id: The connection's ``ScriptedConnection/id``.
    public func breakConnection(_ id: Int) { ledger.change { $0.health[id] = .broken } }

    /// Ends all connections that there are from the other side, as the restart of a server does.
    public func breakAllConnections() {
        ledger.change { state in for id in state.record.openIDs { state.health[id] = .broken } }
    }

    // MARK: What has happened

    /// What has happened so far.
    public var record: Record { ledger.record }

    /// How old a connection is.
    ///
    /// - Parameter id: The connection's ``ScriptedConnection/id``.
    /// - Returns: The time since it was made, also if it is closed; `nil` if there was none.
    public func age(of id: Int) -> Duration? { ledger.age(of: id) }

    /// Suspends until what has happened fulfils a condition, or the task is cancelled, as a test's is by its time limit.
    ///
    /// - Parameter condition: Looks at what has happened; called after each change.
    public func wait(until condition: @escaping @Sendable (Record) -> Bool) async {
        await ledger.wait(until: condition)
    }

    // MARK: What a pool asks for

    /// Makes a connection, if the script wants it.
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

    /// What the connection was said to be: by default reusable.
    public func inspect(_ connection: borrowing ScriptedConnection) -> ConnectionHealth {
        ledger.health(of: connection.id)
    }

    /// Puts a connection in order, if the script wants it.
    public func reset(_ connection: borrowing ScriptedConnection) async -> Bool {
        guard (try? await ledger.perform(.reset, on: connection.id)) != nil else { return false }
        ledger.change { if $0.health[connection.id] == .needsReset { $0.health[connection.id] = nil } }
        return ledger.health(of: connection.id) == .reusable
    }

    /// Tells whether a connection works, by the script, and whether it has been broken.
    public func ping(_ connection: borrowing ScriptedConnection) async -> Bool {
        guard (try? await ledger.perform(.ping, on: connection.id)) != nil else { return false }
        return ledger.health(of: connection.id) != .broken
    }

    /// Closes a connection, when the script wants it.
    public func close(_ connection: consuming ScriptedConnection) async {
        let id = connection.id
        try? await ledger.perform(.close, on: id)
        ledger.change { state in
            state.record.open -= 1
            state.record.closed.append(id)
            state.health[id] = .broken
        }
    }

    /// Lets a hanging ``ScriptedConnection/use()`` of the connection fail, and those that come, and notes that it was asked for.
    public func interruption(of connection: borrowing ScriptedConnection) -> (@Sendable () -> Void)? {
        let id = connection.id
        return { [ledger] in ledger.interrupt(id) }
    }

    /// Whether the error is a ``ScriptedFailure`` that says so.
    public func isPermanent(_ error: any Error) -> Bool { (error as? ScriptedFailure)?.isPermanent ?? false }
}

/// A connection of a ``ScriptedFactory``.
public struct ScriptedConnection: ~Copyable, Sendable {
    /// The connection's number: 1 for the first that was made, and never given to another.
    public let id: Int

    let ledger: Ledger

    /// Stands for a statement, a request, or what else a connection is for: does what the script of
    /// ``ScriptedFactory/Operation/use`` says.
    ///
    /// - Throws: What the script says; a ``ScriptedFailure`` when the connection is broken, or is interrupted.
    public func use() async throws {
        try ledger.checkUse(of: id)
        try await ledger.perform(.use, on: id)
        try ledger.checkUse(of: id)
    }

    /// From now on ``ScriptedFactory/inspect(_:)`` says that the connection is broken.
    public func breakDown() { ledger.change { $0.health[id] = .broken } }

    /// From now on ``ScriptedFactory/inspect(_:)`` says that the connection needs a reset, until it has had one.
    public func soil() { ledger.change { $0.health[id] = .needsReset } }
}

/// Why a call of a ``ScriptedFactory`` fails, if the test does not say otherwise.
public struct ScriptedFailure: Error, Hashable, CustomStringConvertible {
    /// What is said to have happened.
    public let description: String

    /// Whether another attempt to connect can do no better; see the factory's ``ScriptedFactory/isPermanent(_:)``.
    public let isPermanent: Bool

    /// A failure.
    ///
    /// - Parameters:
    ///   - description: What is said to have happened.
    ///   - isPermanent: Whether another attempt to connect can do no better.
    public init(_ description: String = "the script says so", isPermanent: Bool = false) {
        self.description = description
        self.isPermanent = isPermanent
    }
}

extension ScriptedFactory {
    /// What was asked of a ``ScriptedFactory``, and what came of it.
    public struct Record: Hashable, Sendable {
        /// The connections that were made, in that order.
        public internal(set) var connected: [Int] = []

        /// The connections that were closed, in that order.
        public internal(set) var closed: [Int] = []

        /// The connections that a pool wanted interrupted, in that order.
        public internal(set) var interrupted: [Int] = []

        /// How many connections the other side has: from the call that makes one to the end of its close, whatever a pool thinks.
        public internal(set) var open = 0

        /// The most that ``open`` has ever been. A pool whose deadlines are kept never takes it beyond its maximum.
        public internal(set) var peak = 0

        var calls: [Operation: Int] = [:]
        var hung: [Operation: Int] = [:]

        /// How many calls there were, those that failed or hang among them.
        public func count(of operation: Operation) -> Int { calls[operation] ?? 0 }

        /// How many calls hang now.
        public func hanging(_ operation: Operation) -> Int { hung[operation] ?? 0 }

        /// The connections that were made and have not been closed, in ascending order.
        public var openIDs: [Int] { Set(connected).subtracting(closed).sorted() }

        mutating func occupy() {
            open += 1
            peak = max(peak, open)
        }
    }
}
