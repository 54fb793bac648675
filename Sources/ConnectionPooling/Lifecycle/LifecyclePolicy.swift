// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import LockPool

/// An event at which the pool decides what becomes of a connection.
@usableFromInline
enum LifecycleEvent: Sendable {
    /// A connection attempt has succeeded.
    ///
    /// - generation: The pool's ``ConnectionPool/generation`` after the attempt.
    case connected(generation: UInt)

    /// A caller is about to receive the leased connection.
    ///
    /// - arrival: The instant at which the caller arrived; the largest number if no caller waits,
    ///   so that earlier tests do not count.
    /// - generation: The pool's generation.
    case handOut(arrival: UInt64, generation: UInt)

    /// The test and the hook before a hand-out have ended.
    ///
    /// - generation: The pool's generation.
    case prepared(generation: UInt)

    /// A lease has ended, or an idle connection is inspected as if one had.
    ///
    /// - runsHook: Whether the hook `afterReturn` has to approve a reusable connection.
    case returned(ConnectionHealth, runsHook: Bool)

    /// A test, a reset or a hook has ended, or has exceeded its time limit.
    case operationEnded(PoolOperation.Kind, isUsable: Bool)

    /// The pool maintains the connection, which is idle.
    ///
    /// - isSurplus: Whether there are more connections than the minimum.
    case maintenance(isSurplus: Bool)

    /// A usable connection is passed on, for example at the end of a suspension.
    @inlinable static var passedOn: LifecycleEvent { .returned(.reusable, runsHook: false) }
}

/// What becomes of a connection.
@usableFromInline
enum LifecycleDecision: Hashable, Sendable {
    /// The connection goes to the caller, to the longest-waiting one, or becomes or stays idle.
    case keep
    /// The hook `afterReturn` decides.
    case runHook
    /// The connection is tested first.
    case ping
    /// The connection is reset first.
    case reset
    /// The connection is too old, and closes when ``GrowthPlan`` permits it.
    ///
    /// - isNeeded: Whether the pool needs a replacement.
    case replace(isNeeded: Bool)
    /// The connection closes now.
    case close(ConnectionEnd)
}

/// The values of a connection that a decision depends on.
@usableFromInline
protocol LifecycleValues {
    /// The instant from which on the connection is replaced, ``LifecyclePolicy/evicted`` or
    /// ``LifecyclePolicy/discarded``.
    var retireAt: UInt64 { get }
    /// The pool's generation before the connection attempt; odd if the connection is suspect.
    var generation: UInt { get }
    var uses: Int { get }
    /// The instant of the last use or successful test.
    var idleSince: UInt64 { get }
    /// The instant of the last use.
    var unusedSince: UInt64 { get }
    /// Whether the connection has been tested, or made, after its last use.
    var isTestedSinceUse: Bool { get }
    /// Nanoseconds by which the keepalive precedes the configured interval.
    var keepAliveLead: UInt64 { get }
}

/// Decides what becomes of a connection. Has no effects of its own.
///
/// All other code asks ``decision(for:at:now:)`` and acts on the answer. Instants and times are
/// nanoseconds of the pool's clock.
@usableFromInline
struct LifecyclePolicy: Sendable {
    /// The number of uses after which a connection is replaced.
    @usableFromInline let maximumUses: Int
    /// The idle time from which on a connection is tested before a caller receives it.
    @usableFromInline let validateAfter: UInt64
    /// The time without use after which a surplus connection closes; `nil` for no limit.
    private let idleTimeout: UInt64?
    /// The time without use or test after which an idle connection is tested; `nil` for none.
    private let keepAliveInterval: UInt64?

    init(_ configuration: ConnectionPoolConfiguration) {
        maximumUses = configuration.maximumUses ?? .max
        validateAfter = configuration.validateAfterIdle?.wholeNanoseconds ?? .max
        idleTimeout = configuration.idleTimeout?.wholeNanoseconds
        keepAliveInterval = configuration.keepAliveInterval?.wholeNanoseconds
    }

    /// The retirement instant of an evicted connection.
    @inlinable static var evicted: UInt64 { 0 }
    /// The retirement instant of a connection that the lease holder wants closed. It is always in
    /// the past.
    @inlinable static var discarded: UInt64 { 1 }

    /// Decides what becomes of a connection.
    ///
    /// Reads each value at most once, and only the values that the event needs: the values of a
    /// pool's connection are atomic words, and the checkout and the return ask on their fast
    /// paths.
    @inlinable
    @inline(__always)
    func decision(for connection: some LifecycleValues, at event: LifecycleEvent, now: UInt64) -> LifecycleDecision {
        switch event {
        case .connected(let generation), .prepared(let generation):
            return connection.generation ^ generation > 1 ? .close(.evicted) : .keep
        case .handOut(let arrival, let generation):
            return handingOut(connection, to: arrival, generation, now)
        case .returned(let health, let runsHook):
            if health == .reusable, !runsHook { return passingOn(connection, now) }
            return inspecting(connection, health)
        case .operationEnded(let kind, isUsable: false):
            return .close(kind == .test ? .failedTest : .broken)
        case .operationEnded(_, isUsable: true):
            return passingOn(connection, now)
        case .maintenance(let isSurplus):
            return maintaining(connection, isSurplus, now)
        }
    }

    /// An evicted connection closes. A connection that was idle for too long, or is suspect, is
    /// tested.
    ///
    /// A test or connection attempt that has ended since the caller arrived is not repeated.
    /// Otherwise, a caller whose connection comes from the line would never get one if each
    /// checkout is tested.
    @inlinable
    @inline(__always)
    func handingOut(
        _ connection: some LifecycleValues,
        to arrival: UInt64,
        _ generation: UInt,
        _ now: UInt64
    ) -> LifecycleDecision {
        // The lowest bit of the connection's generation marks it as suspect.
        let difference = connection.generation ^ generation
        if difference != 0 { return difference == 1 ? .ping : .close(.evicted) }
        let idleSince = connection.idleSince
        if now.elapsed(since: idleSince) < validateAfter { return .keep }
        return idleSince >= arrival && connection.isTestedSinceUse ? .keep : .ping
    }

    /// A usable connection is kept unless it is evicted, discarded or expired.
    @inlinable
    @inline(__always)
    func passingOn(_ connection: some LifecycleValues, _ now: UInt64) -> LifecycleDecision {
        let retireAt = connection.retireAt
        if now < retireAt, connection.uses < maximumUses { return .keep }
        switch retireAt {
        case Self.evicted: return .close(.evicted)
        case Self.discarded: return .close(.discarded)
        default: return .replace(isNeeded: true)
        }
    }

    /// The result of the inspection decides, unless the lease holder has discarded the
    /// connection. An eviction or the age of the connection counts after the hook or the reset.
    @usableFromInline
    func inspecting(_ connection: some LifecycleValues, _ health: ConnectionHealth) -> LifecycleDecision {
        if connection.retireAt == Self.discarded { return .close(.discarded) }
        return switch health {
        case .reusable: .runHook
        case .needsReset: .reset
        case .broken: .close(.broken)
        case .discarded: .close(.discarded)
        }
    }

    /// An idle connection closes if it is evicted or superfluous, is replaced if it is too old,
    /// and is tested at its keepalive.
    @usableFromInline
    func maintaining(_ connection: some LifecycleValues, _ isSurplus: Bool, _ now: UInt64) -> LifecycleDecision {
        let retireAt = connection.retireAt
        if retireAt == Self.evicted { return .close(.evicted) }
        let unusedTime = now.elapsed(since: connection.unusedSince)
        if isSurplus, let idleTimeout, unusedTime >= idleTimeout { return .close(.idle) }
        if now >= retireAt || connection.uses >= maximumUses {
            return .replace(isNeeded: unusedTime < Self.minute || !isSurplus)
        }
        if connection.isSuspect { return .ping }
        guard let keepAlive = keepAliveTime(of: connection) else { return .keep }
        return now.elapsed(since: connection.idleSince) >= keepAlive ? .ping : .keep
    }

    /// A surplus connection that has been unused for as long needs no replacement.
    private static var minute: UInt64 { 60_000_000_000 }

    /// The time without use or test after which the connection is tested; `nil` for none.
    private func keepAliveTime(of connection: some LifecycleValues) -> UInt64? {
        keepAliveInterval.map { $0 - min(connection.keepAliveLead, $0) }
    }
}

// MARK: - The next decision

extension LifecyclePolicy {
    /// Returns the first instant at which maintenance does not keep an idle connection, if it is
    /// not used before. The instant may have passed.
    ///
    /// - Parameter isSurplus: Whether there are more connections than the minimum.
    func maintenanceDue(for connection: some LifecycleValues, isSurplus: Bool) -> UInt64 {
        if connection.isSuspect || connection.uses >= maximumUses { return 0 }
        let idle = isSurplus ? idleTimeout.map { connection.unusedSince.saturatingSum($0) } : nil
        let keepAlive = keepAliveTime(of: connection).map { connection.idleSince.saturatingSum($0) }
        return min(connection.retireAt, idle ?? .max, keepAlive ?? .max)
    }

    /// Returns the first instant after `now` at which maintenance may not keep a connection that
    /// is in use, or in an operation of the pool, and that may be idle from the next instant on.
    func maintenanceDue(afterUseOf connection: some LifecycleValues, now: UInt64) -> UInt64 {
        var due = now.saturatingSum(min(keepAliveTime(of: connection) ?? .max, idleTimeout ?? .max))
        let retireAt = connection.retireAt
        if retireAt > now { due = min(due, retireAt) }
        // A test is not a use, so the idle time continues during a test.
        if let idle = idleTimeout.map({ connection.unusedSince.saturatingSum($0) }), idle > now { due = min(due, idle) }
        return due
    }
}

extension LifecycleValues {
    /// Whether another connection that had been idle for as long has failed its test.
    var isSuspect: Bool { generation & 1 == 1 }
}

extension UInt64 {
    func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
