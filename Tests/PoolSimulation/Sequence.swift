// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
@_spi(Callbacks) import LockPool
import PoolTesting

/// The life of one pool, from its first caller to its end, in a random order of events. After
/// each event, the pool's promises are checked.
///
/// The pool is the real one. The simulation controls its tasks, those of its callers, and the
/// clock.
final class Sequence: @unchecked Sendable {
    /// A caller that requests connections.
    @safe
    final class Caller: @unchecked Sendable {
        enum Manner: Hashable, CaseIterable { case scoped, leasing, trying, nested, calledBack }
        enum Outcome: Hashable { case served, refused(PoolError.Code), cancelled }

        let number: Int
        let manner: Manner
        /// The number of the caller's request.
        var turn = Int.max
        /// The instant by which the caller must have a result; `nil` while it does not wait.
        var deadline: UInt64?
        /// Whether the caller was in line at the start of a shutdown that has time to serve it.
        var isPromised = false
        /// Whether the caller waits for a second connection.
        var waitsAgain = false
        /// Whether all connections were evicted during the wait. The connection that the caller
        /// was just given is closed then, and the caller is last in line.
        var wasEvicted = false
        var outcome: Outcome?
        var mayEnd: UnsafeContinuation<Void, Never>?
        var task: Task<Void, Never>?

        init(_ number: Int, _ manner: Manner) {
            self.number = number
            self.manner = manner
        }
    }

    let world: World
    let configuration: ConnectionPoolConfiguration
    private let hasHooks: Bool
    private let clock = ManualClock()
    private var dice: Dice
    private var pool: ConnectionPool<World>?
    private weak var last: ConnectionPool<World>?
    private var callers: [Caller] = []
    private var nextCaller = 0
    private var nextTurn = 0
    /// The request number of the last served caller: no caller with an earlier request may still
    /// wait.
    private var lastServed = -1
    private var isSuspended = false
    /// Whether all tasks have come to rest since the suspension: no caller is still receiving a
    /// connection that was handed out before.
    private var isQuiet = false { didSet { world.isQuiet = isQuiet } }
    /// The instant until which a shutdown lets callers end by themselves.
    private var drainEnd: UInt64 = 0
    private var wasResized = false
    /// The instant since which there have been more connections than the maximum, some of them
    /// idle.
    private var surplusSince: UInt64?
    private var isOver = false
    /// The number of callers that have given up since the line was last empty: they keep their
    /// tickets until all before them have left.
    private var givenUp = 0
    private var endings: [Task<Void, Never>] = []
    private var endingsUnderWay = 0
    private var counts: [Event: Int]
    private let keepsLog: Bool

    init(seed: UInt64, counts: [Event: Int], keepsLog: Bool) throws {
        dice = Dice(seed: seed)
        configuration = Sequence.configuration(&dice)
        hasHooks = dice.once(in: 3)
        world = World(configuration, clock: clock, dice: Dice(seed: seed ^ 0x5555))
        self.counts = counts
        self.keepsLog = keepsLog
        let random = World.Random(seed: seed ^ 0xAAAA)
        pool = try ConnectionPool(
            factory: world,
            configuration: configuration,
            hooks: hasHooks ? world.hooks : .init(),
            observers: [world],
            clock: clock,
            random: { random.next() }
        )
        last = pool
    }

    private static func configuration(_ dice: inout Dice) -> ConnectionPoolConfiguration {
        let maximum = dice.pick(1...4)
        let backoff = dice.pick([Duration.zero, .milliseconds(100)])
        return ConnectionPoolConfiguration(
            name: "simulated",
            maximumConnections: maximum,
            minimumConnections: dice.pick(0...maximum),
            maximumConcurrentConnects: dice.pick(1...3),
            maximumWaiters: dice.pick([1, 4, 16]),
            checkoutTimeout: dice.pick([.seconds(10), .seconds(600)]),
            connectTimeout: dice.pick([.seconds(2), .seconds(60)]),
            resetTimeout: .seconds(5),
            closeTimeout: .seconds(5),
            initialBackoff: backoff,
            maximumBackoff: backoff * 50,
            circuitBreakerThreshold: dice.pick([.zero, .seconds(5), .seconds(60)]),
            validateAfterIdle: dice.pick([nil, nil, .seconds(30), .zero]),
            keepAliveInterval: dice.pick([nil, .seconds(20)]),
            idleTimeout: dice.pick([nil, .seconds(40)]),
            maximumLifetime: dice.pick([nil, .seconds(60)]),
            maximumUses: dice.pick([nil, 5]),
            leakDetectionThreshold: dice.pick([nil, .seconds(30)])
        )
    }

    // MARK: Events

    enum Event: String, Hashable, CaseIterable {
        case step = "a task continues"
        case arrival = "a caller requests a connection"
        case departure = "a holder returns its connection"
        case cancellation = "a task is cancelled"
        case advance = "time passes"
        case completion = "an attempt, reset, ping or close ends"
        case failure = "a connection breaks"
        case soiling = "a connection needs a reset"
        case inspection = "the factory reports idle connections"
        case weather = "the database goes down or up"
        case resize = "the pool is resized"
        case suspension = "the pool is suspended"
        case resumption = "the pool is resumed"
        case eviction = "all connections are evicted"
        case prewarming = "the pool is warmed"
        case shutdown = "the pool is shut down"
        case close = "the pool is closed"
        case drop = "the pool is dropped"
        case rest = "everything comes to rest"
    }

    /// The frequency of each event, of about a thousand.
    private static let frequencies: [(Event, Int)] = [
        (.step, 420), (.arrival, 150), (.departure, 110), (.cancellation, 25), (.advance, 70), (.completion, 90),
        (.failure, 12),
        (.soiling, 15), (.inspection, 8), (.weather, 10), (.resize, 8), (.suspension, 5), (.resumption, 10),
        (.eviction, 5),
        (.prewarming, 3), (.rest, 60),
    ]
    private static let deck = frequencies.flatMap { Array(repeating: $0.0, count: $0.1) }
    private static let endings: [Event] = [.shutdown, .close, .drop]

    /// Runs `count` events and the end of the pool.
    ///
    /// - Returns: The number of events of each kind, added to the previous numbers.
    /// - Throws: ``Broken`` as soon as a promise is broken.
    func run(events count: Int) throws -> [Event: Int] {
        let end = count - dice.pick(0...20)
        var number = 0
        while number < count {
            let event =
                number == end ? dice.pick(Sequence.endings) : Sequence.deck[dice.pick(0...Sequence.deck.count - 1)]
            // After a pool has ended or refused, no event may be possible.
            guard perform(event) else { continue }
            counts[event, default: 0] += 1
            number += 1
            if keepsLog { note("\(number) \(event.rawValue)") }
            try check()
        }
        try finish()
        return counts
    }

    private func note(_ text: String) {
        print("\(world.now / 1_000_000) ms: \(text); \(pool?.status.description ?? "no pool")")
    }

    /// - Returns: Whether the event was possible.
    private func perform(_ event: Event) -> Bool {
        switch event {
        case .step:
            if Scheduler.isAtRest { return false }
            Scheduler.step(&dice)
        case .rest: Scheduler.rest(&dice)
        case .arrival:
            guard let pool, callers.count < 24 else { return false }
            arrive(at: pool)
        case .departure:
            let holders = callers.filter { unsafe $0.mayEnd != nil }
            if holders.isEmpty { return false }
            leave(dice.pick(holders))
        case .cancellation:
            if callers.isEmpty { return false }
            dice.pick(callers).task?.cancel()
        case .advance: advance()
        case .completion:
            if world.underWay == 0 { return false }
            world.letGo()
        case .failure, .soiling:
            let open = world.open
            if open.isEmpty { return false }
            let line = dice.pick(open)
            // An inspection detects a connection that breaks while it is idle. A connection is
            // soiled by its holder.
            if event == .soiling, line.holder == nil || line.health != .reusable { return false }
            line.health = event == .failure ? .broken : .needsReset
        case .inspection: pool?.inspectIdle()
        case .weather: world.weather = dice.once(in: 2) ? .fair : dice.pick(World.Weather.allCases)
        case .resize:
            guard let pool else { return false }
            // More than 64 need a second segment of slots.
            let maximum = dice.pick([1, 2, 3, 4, 5, 6, 70])
            world.maximum = maximum
            wasResized = true
            do { try pool.resize(to: maximum) } catch { world.complain("a resize failed: \(error)") }
        case .suspension:
            guard let pool, !isOver else { return false }
            pool.suspend()
            isSuspended = true
        case .resumption:
            guard let pool, isSuspended else { return false }
            (isSuspended, isQuiet) = (false, false)
            world.noteHope()
            pool.resume()
        case .eviction:
            if pool != nil {
                world.evict()
                for caller in callers where caller.deadline != nil { caller.wasEvicted = true }
            }
            pool?.evictAll()
        case .prewarming: pool?.prewarm()
        case .shutdown, .close:
            guard let pool else { return false }
            isOver = true
            (isSuspended, isQuiet) = (false, false)
            let drain = Duration.seconds(dice.pick(0...20))
            drainEnd = world.now + UInt64(drain / .nanoseconds(1))
            if event == .shutdown, Scheduler.isAtRest {
                for caller in callers where caller.deadline != nil { caller.isPromised = true }
            }
            for _ in 0...(dice.once(in: 4) ? 1 : 0) {
                endings.append(
                    Task.detached { [self] in
                        endingsUnderWay += 1
                        defer { endingsUnderWay -= 1 }
                        if event == .close { return await pool.close() }
                        let began = world.now
                        await pool.shutdown(drain: drain)
                        // The clock's steps are rounded.
                        let hadTime = world.now - began + 1_000 < UInt64(drain / .nanoseconds(1))
                        if hadTime, world.counted > 0 {
                            world.complain("9: a shutdown had time left and has left \(world.counted) connections")
                        }
                    }
                )
            }
        case .drop:
            isOver = true
            pool = nil
        }
        return true
    }

    private func advance() {
        guard let next = clock.nextDeadline, !dice.once(in: 4) else {
            return clock.advance(by: .milliseconds(dice.pick(0...400)))
        }
        let now = ManualClock.Instant().duration(to: clock.now)
        clock.advance(by: next > now ? next - now : .zero)
    }

    // MARK: Callers

    private func arrive(at pool: ConnectionPool<World>) {
        let caller = Caller(nextCaller, dice.pick(Caller.Manner.allCases))
        nextCaller += 1
        callers.append(caller)
        let timeout = dice.pick([nil, nil, Duration.seconds(1), .seconds(30), .zero])
        caller.task = Task.detached { [self] in
            caller.turn = nextTurn
            nextTurn += 1
            switch caller.manner {
            case .trying:
                if let lease = pool.tryGet() {
                    if !isSuspended { served(caller) }
                    await hold(caller, lease.connection.line)
                    lease.release()
                }
                caller.outcome = .served
            case .scoped:
                await answered(caller, timeout, of: pool) {
                    try await pool.withConnection(timeout: timeout) { connection in
                        served(caller)
                        await hold(caller, connection.line)
                    }
                }
            case .leasing:
                await answered(caller, timeout, of: pool) {
                    let lease = try await pool.getOrCreate(timeout: timeout)
                    served(caller)
                    await hold(caller, lease.connection.line)
                    lease.release()
                }
            case .calledBack:
                await answered(caller, timeout, of: pool) {
                    let lease = try await calledBack(by: pool, timeout ?? configuration.checkoutTimeout)
                    served(caller)
                    await hold(caller, lease.connection.line)
                    lease.release()
                }
            case .nested:
                await answered(caller, timeout, of: pool) {
                    try await pool.withConnection(timeout: timeout) { connection in
                        served(caller)
                        let line = connection.line
                        world.begin(line, by: caller.number)
                        caller.waitsAgain = true
                        defer { caller.waitsAgain = false }
                        do {
                            try await pool.withConnection(timeout: timeout) { second in
                                caller.waitsAgain = false
                                await hold(caller, second.line)
                            }
                        } catch let error as PoolError where error.code == .deadlock {
                            if error.holders.count < pool.status.leased { world.complain("a deadlock with free hands") }
                        } catch {
                            givenUp += 1
                        }
                        world.end(line, by: caller.number)
                    }
                }
            }
        }
    }

    /// Waits as a pool that runs work on its connections' threads.
    private func calledBack(
        by pool: ConnectionPool<World>,
        _ timeout: Duration
    ) async throws(PoolError) -> ConnectionLease<World> {
        let (start, call) = (pool.beginWait(), Call())
        let context = unsafe Unmanaged.passUnretained(call).toOpaque()
        let place = try unsafe pool.wait(context: context, timeout: timeout, since: start) { context, turn in
            let call = unsafe Unmanaged<Call>.fromOpaque(context).takeUnretainedValue()
            call.turn = Turn(rawValue: turn)
            unsafe call.waiting?.resume()
        }
        await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { continuation in
                if call.turn == nil { unsafe call.waiting = continuation } else { unsafe continuation.resume() }
            }
        } onCancel: {
            pool.cancel(place)
        }
        return try unsafe pool.lease(call.turn!, for: .init(#fileID, #line), waitedSince: start)
    }

    /// One wait of a call.
    @safe
    private final class Call: @unchecked Sendable {
        var turn: Turn?
        var waiting: UnsafeContinuation<Void, Never>?
    }

    private func answered(
        _ caller: Caller,
        _ timeout: Duration?,
        of pool: ConnectionPool<World>,
        _ body: () async throws -> Void
    ) async {
        caller.deadline = world.now + UInt64((timeout ?? configuration.checkoutTimeout) / .nanoseconds(1))
        do {
            try await body()
            caller.outcome = .served
        } catch let error as PoolError {
            caller.deadline = nil
            caller.outcome = error.code == .cancelled ? .cancelled : .refused(error.code)
            if error.code == .connectFailed {
                if error.underlying == nil { world.complain("11: \(caller.number) was refused without a cause") }
                if isQuiet { world.complain("10: \(caller.number) was refused by a suspended pool: \(error)") }
            }
            if error.code == .closed, caller.isPromised, world.now + 1_000 < drainEnd {
                world.complain("9: \(caller.number) was refused by a shutdown that had time left")
            }
            if error.code == .tooManyWaiters {
                // A served caller that has not continued yet still has its ticket.
                let others = callers.count { $0.deadline != nil || $0.waitsAgain }
                if others + givenUp < configuration.maximumWaiters { world.complain("6: refused, and \(others) wait") }
            } else {
                givenUp += 1
            }
        } catch {
            caller.deadline = nil
            caller.outcome = .cancelled
            givenUp += 1
        }
    }

    private func served(_ caller: Caller) {
        if isQuiet { world.complain("8: \(caller.number) got a connection of a suspended pool") }
        caller.deadline = nil
        lastServed = max(lastServed, caller.turn)
    }

    private func hold(_ caller: Caller, _ line: World.Line) async {
        // A callback has its connection from its turn on, which may have come before the
        // eviction.
        let mayBeEvicted = caller.manner == .calledBack && caller.wasEvicted
        world.begin(line, by: caller.number, mayBeEvicted: mayBeEvicted)
        await unsafe withUnsafeContinuation { continuation in unsafe caller.mayEnd = continuation }
        world.end(line, by: caller.number)
    }

    private func leave(_ caller: Caller) {
        unsafe caller.mayEnd.take()?.resume()
    }

    // MARK: Promises

    private func check() throws {
        callers.removeAll { $0.outcome != nil }
        if world.lines.count > 64 { world.tidy() }
        if let complaint = world.complaint { throw Broken(description: complaint) }
        guard let pool else { return }
        let status = pool.status
        if status.waiting == 0 { givenUp = 0 }
        if Scheduler.isAtRest { try checkAtRest(pool, status) }
    }

    private func checkAtRest(_ pool: ConnectionPool<World>, _ status: PoolStatus) throws {
        world.checkMaximum()
        let waiting = callers.filter { $0.deadline != nil }
        // A caller whose connection is being prepared is not in line, nor is a caller that backs
        // off after its hook has hung.
        var inLine = waiting.count - world.preparing
        if hasHooks { inLine = min(inLine, status.waiting) }
        if !hasHooks, inLine > configuration.maximumWaiters {
            throw Broken(description: "6: \(waiting.count) wait, and \(configuration.maximumWaiters) may")
        }
        if !isSuspended, let old = world.open.first(where: { $0.isEvicted && $0.holder == nil }) {
            throw Broken(description: "8: connection \(old.number) is idle, and was evicted")
        }
        world.checkDurations(configuration)
        if world.connecting > configuration.maximumConcurrentConnects {
            throw Broken(description: "7: \(world.connecting) connects side by side")
        }
        if isOver { return try checkEnd(waiting) }
        if isSuspended {
            isQuiet = true
            surplusSince = nil
        } else {
            // A connection that is returned to a smaller pool is idle until the next maintenance,
            // within a second.
            if world.surplus == 0 { surplusSince = nil }
            if world.now > (surplusSince ?? world.now) + 1_000_000_000 {
                throw Broken(description: "7: \(world.surplus) idle connections more than the pool may have")
            }
            if world.surplus > 0, surplusSince == nil { surplusSince = world.now }
            if inLine > 0, status.idle > 0 {
                throw Broken(description: "2: \(waiting.count) wait beside \(status.idle) idle connections")
            }
            if inLine > 0, world.weather == .fair, pool.snapshot.lastConnectFailure == nil,
                world.counted < world.maximum, world.connecting == 0
            {
                throw Broken(description: "2: \(waiting.count) wait, a slot is vacant, and no attempt runs")
            }
            let backoff = UInt64(configuration.maximumBackoff / .nanoseconds(1))
            if inLine > 0, world.counted < world.maximum, world.connecting == 0,
                world.now > world.lastTrouble + backoff
            {
                throw Broken(
                    description: "2: \(waiting.count) wait, and no attempt finds out whether the database is back"
                )
            }
            // After a change of the maximum only the deadline detects the deadlock.
            let stuck = callers.count { $0.waitsAgain }
            if !wasResized, stuck == world.maximum, world.open.count == stuck {
                throw Broken(description: "5: \(stuck) wait for one another")
            }
        }
        let isInTurn = configuration.validateAfterIdle == nil && !hasHooks
        if isInTurn, let oldest = waiting.filter({ !$0.wasEvicted }).map(\.turn).min(), oldest < lastServed {
            throw Broken(description: "3: \(oldest) waits, and \(lastServed) has been served")
        }
        let held = world.lines.count { $0.holder != nil }
        if status.leased != held {
            throw Broken(description: "4: \(status.leased) connections are leased, and \(held) have a holder")
        }
        if let evicted = world.open.first(where: { $0.isEvicted && $0.holder == nil }) {
            throw Broken(description: "8: connection \(evicted.number) was evicted, and is open")
        }
        try checkBreaker(pool, status, inLine)
        for caller in waiting where caller.deadline! <= world.now {
            throw Broken(description: "5: \(caller.number) has no answer at its deadline")
        }
        if status.changing > world.changing {
            throw Broken(description: "7: \(status.changing) records are changing, for \(world.changing) connections")
        }
    }

    /// Checks, at rest, whether callers wait in line for longer than the breaker permits.
    private func checkBreaker(_ pool: ConnectionPool<World>, _ status: PoolStatus, _ waiting: Int) throws {
        if waiting <= 0 || isSuspended || world.counted != world.connecting { return world.noteHope() }
        let threshold = UInt64(configuration.circuitBreakerThreshold / .nanoseconds(1))
        guard configuration.maximumBackoff > .zero, threshold > 0, let since = world.hangsSince else { return }
        if world.now > since + threshold + 1_000 {
            throw Broken(description: "11: \(waiting) wait, and no attempt has had an answer since \(since)")
        }
    }

    /// Checks, at rest, a pool that is being shut down or closed.
    private func checkEnd(_ waiting: [Caller]) throws {
        if waiting.isEmpty, !callers.contains(where: \.waitsAgain), world.open.contains(where: { $0.holder == nil }) {
            throw Broken(description: "9: the end of the pool has left a connection idle")
        }
        if waiting.isEmpty, world.lines.allSatisfy({ $0.state == .closed }), endingsUnderWay > 0 {
            throw Broken(description: "9: everything is closed, and the end of the pool waits")
        }
    }

    /// Ends everything in order, and checks that nothing is left.
    private func finish() throws {
        world.weather = .fair
        world.isPrompt = true
        if let pool, !isOver { endings.append(Task.detached { await pool.close() }) }
        // A closed pool gives a caller the connection that was being prepared for it.
        (isSuspended, isQuiet) = (false, false)
        isOver = true
        pool = nil
        for _ in 0..<4 {
            repeat {
                Scheduler.rest(&dice)
                while world.underWay > 0 { world.letGo(succeeding: true) }
                for caller in callers { leave(caller) }
            } while !Scheduler.isAtRest
            callers.removeAll { $0.outcome != nil }
            clock.advance(by: .seconds(3_600))
        }
        Scheduler.rest(&dice)
        endings = []
        world.tidy()
        if let complaint = world.complaint { throw Broken(description: complaint) }
        if !callers.isEmpty { throw Broken(description: "5: \(callers.count) never had an answer") }
        if !world.lines.isEmpty {
            let states = world.lines.map { "\($0.state)" }.joined(separator: ", ")
            throw Broken(
                description:
                    "9: connections were never closed: \(states); the pool is \(last == nil ? "gone" : "there")"
            )
        }
        if last != nil { throw Broken(description: "9: the pool outlives all its users") }
        if !clock.deadlines.isEmpty { throw Broken(description: "9: \(clock.deadlines.count) tasks still sleep") }
    }
}

extension World {
    final class Random: @unchecked Sendable {
        private var dice: Dice
        init(seed: UInt64) { dice = Dice(seed: seed) }
        func next() -> Double { Double.random(in: 0..<1, using: &dice) }
    }
}
