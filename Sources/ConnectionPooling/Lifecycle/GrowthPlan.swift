// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Decides when to connect, from what it is told; does nothing itself.
///
/// A plain value: counts and instants go in, numbers come out. Instants are nanoseconds of the pool's clock.
struct GrowthPlan: Sendable {
    /// How the pool stands when it asks.
    struct Demand {
        /// Callers in line.
        var waiting = 0
        /// Places that are not vacant, those where a connect is under way among them.
        var occupied = 0
        var now: UInt64 = 0
    }

    /// A run of attempts without a success between.
    struct Outage: Sendable {
        /// How many attempts have failed.
        var failures: Int
        /// When to try again.
        var retryAt: UInt64
        /// Without a back-off: when to try again for the minimum, which no caller waits for.
        var refillAt: UInt64 = 0
        /// Whether callers are refused at once until a connect succeeds.
        var isOpen: Bool
    }

    var maximum: Int
    let minimum: Int
    let concurrent: Int
    let backoff: Backoff
    /// How long after the start of the first attempt without an answer callers are refused at once.
    let patience: UInt64
    /// The connections that are kept idle beside those in use.
    var minimumIdle = 0
    /// How many connections callers had when the pool counted them, once a second. Not read where a connect is decided on: for an
    /// instant, also the pool itself leases an idle connection.
    var inUse = 0

    /// Connects under way.
    private(set) var connecting = 0
    /// Connections that are being closed and have no place any more.
    private(set) var homeless = 0
    /// Connections that wait for another to be there before they retire.
    private(set) var replacementsWanted = 0
    /// Connections that may retire, because another has come.
    private(set) var replacementsReady = 0
    private(set) var outage: Outage?
    /// When the first of the attempts began that no success has followed, those under way among them. While the breaker is open, when the
    /// attempt began that finds out whether the outage is over.
    private(set) var strugglesSince: UInt64?
    /// Whether an attempt has begun since then. Until then all wait for threads.
    private var hasBegun = false
    /// The connects for the minimum in the second that began at `refillsSince`.
    private var refills = 0
    private var refillsSince: UInt64 = 0
    /// Whether the pool has been used, and so keeps its minimum.
    var isWarm = false

    init(maximum: Int, minimum: Int, concurrent: Int, backoff: Backoff, patience: UInt64) {
        self.maximum = maximum
        self.minimum = minimum
        self.concurrent = concurrent
        self.backoff = backoff
        self.patience = patience
    }

    /// Whether as many connects are under way as may be, whatever the demand.
    var isSaturated: Bool { connecting >= (outage == nil ? concurrent : 1) }

    /// How many connects to start now: one for each that waits and none is under way for, for each that is to be replaced, and
    /// for what lacks to the minimum. While connects fail, one at a time, and only when its time has come.
    func connectsToStart(_ demand: Demand) -> Int {
        let forCallers = forCallers(demand)
        var wanted = max(forCallers, forMinimum(demand), 0)
        var room = min(maximum - demand.occupied - homeless, concurrent - connecting)
        if let outage {
            // Somebody has to find out that it is over, unless the next caller does at once.
            if outage.isOpen, backoff.most > 0 { wanted = max(wanted, 1) }
            room = demand.now < outage.retryAt ? 0 : min(room, 1 - connecting)
        }
        return max(0, min(wanted, room))
    }

    private func forCallers(_ demand: Demand) -> Int { demand.waiting + replacementsWanted - connecting }

    /// What lacks to the minimum, as far as it may be made now.
    ///
    /// A server that accepts connections and ends them at once makes the minimum lack again at once. So for the minimum no more than its
    /// number are made in a second, and without a back-off none within a second of a failure.
    private func forMinimum(_ demand: Demand) -> Int {
        if !isWarm { return 0 }
        if let outage, backoff.most == 0, demand.now < outage.refillAt { return 0 }
        let lacking = kept - demand.occupied
        let isSameSecond = demand.now < refillsSince + GrowthPlan.second
        return min(lacking, max(minimum, minimumIdle, 1) - (isSameSecond ? refills : 0))
    }

    /// How many connections there are to be whether callers wait or not.
    private var kept: Int { min(max(minimum, inUse + minimumIdle), maximum) }

    /// Whether there are too few connections for the minimum, those that are being made counted.
    ///
    /// - Parameter occupied: As in ``Demand``.
    func lacksMinimum(occupied: Int) -> Bool { isWarm && occupied < kept }

    private static let second: UInt64 = 1_000_000_000

    /// Whether callers are refused at once: connects have failed for too long, and the next attempt is under way or not yet due.
    /// Without a back-off each caller may cause an attempt.
    func refuses(at now: UInt64) -> Bool {
        guard let outage, outage.isOpen, backoff.most > 0 else { return false }
        return connecting > 0 || now < outage.retryAt
    }

    /// Notes that so many connects start, as `connectsToStart` has said.
    mutating func connectsStarted(_ count: Int, _ demand: Demand) {
        let forMinimum = count - max(0, forCallers(demand))
        if forMinimum > 0 {
            if demand.now >= refillsSince + GrowthPlan.second { (refillsSince, refills) = (demand.now, 0) }
            refills += forMinimum
        }
        for _ in 0..<count { connectStarted(at: demand.now) }
    }

    mutating func connectStarted(at now: UInt64) {
        connecting += 1
        if strugglesSince == nil { (strugglesSince, hasBegun) = (now, false) }
    }

    /// Notes when a connect really begins: its task may have waited for a thread, and that time tells nothing of the server.
    mutating func connectBegan(at now: UInt64, startedAt: UInt64) {
        // Of several that start together, the first that begins counts.
        if strugglesSince == startedAt, !hasBegun { strugglesSince = now }
        hasBegun = true
    }

    mutating func connectSucceeded(at now: UInt64) {
        connecting -= 1
        outage = nil
        // The others that are under way have had no answer from now on.
        strugglesSince = connecting > 0 ? now : nil
        if replacementsWanted > 0 {
            replacementsWanted -= 1
            replacementsReady += 1
        }
    }

    /// Notes a failure, and when the next attempt is due.
    ///
    /// - Parameters:
    ///   - isPermanent: Whether another attempt can do no better, so that callers need not wait for it.
    ///   - random: From 0 up to 1.
    /// - Returns: The outage as it stands.
    @discardableResult
    mutating func connectFailed(at now: UInt64, isPermanent: Bool, random: Double) -> Outage {
        connecting -= 1
        replacementsWanted = 0
        var next = outage ?? Outage(failures: 0, retryAt: now, isOpen: false)
        next.failures += 1
        next.retryAt = now + backoff.delay(failures: next.failures, random: random)
        next.refillAt = now + GrowthPlan.second
        // Failures are noted in another order than they come in, now and then.
        let began = strugglesSince ?? now
        let duration = now > began ? now - began : 0
        next.isOpen = next.isOpen || isPermanent || duration >= patience
        if next.isOpen { strugglesSince = nil }
        outage = next
        return next
    }

    /// When the breaker opens unless a connect succeeds before; `nil` if no attempt is without an answer. While it is open, when the
    /// callers that have waited for the next attempt are refused.
    ///
    /// With a threshold of zero only a failure opens it: a connect needs some time to succeed.
    var breakerDueAt: UInt64? {
        guard backoff.most > 0, patience > 0, let strugglesSince else { return nil }
        let (due, isBeyondTime) = strugglesSince.addingReportingOverflow(patience)
        return isBeyondTime ? nil : due
    }

    /// Opens the breaker if its time has come.
    ///
    /// - Returns: Whether its time has come.
    mutating func openBreaker(_ demand: Demand) -> Bool {
        guard let due = breakerDueAt, demand.now >= due else { return false }
        strugglesSince = nil
        // Where no caller has asked for another attempt, the next caller has one.
        if connecting == 0, max(forCallers(demand), forMinimum(demand)) <= 0 { return false }
        var next = outage ?? Outage(failures: 0, retryAt: demand.now, isOpen: false)
        next.isOpen = true
        outage = next
        return true
    }

    /// Forgets failures, because the pool goes on after a suspension, perhaps with another server.
    mutating func restart(at now: UInt64) {
        outage = nil
        strugglesSince = connecting > 0 ? now : nil
    }

    mutating func becameHomeless() { homeless += 1 }
    mutating func homelessClosed() { homeless -= 1 }

    /// Whether a connection whose time has come may go now: one that has been replaced may; else a replacement connects first if
    /// there is room; and where there is none, it may go unless others are going.
    ///
    /// - Parameters:
    ///   - closing: Connections that are on their way out.
    ///   - isNeeded: Whether it would be missed at all.
    mutating func mayRetire(_ demand: Demand, closing: Int, isNeeded: Bool) -> Bool {
        if !isNeeded { return true }
        if replacementsReady > 0 {
            replacementsReady -= 1
            return true
        }
        let atOnce = max(1, maximum / 10)
        if demand.occupied + homeless < maximum {
            if outage == nil, replacementsWanted < atOnce { replacementsWanted += 1 }
            return false
        }
        // The room may be taken by the replacement that is on its way.
        if replacementsWanted > 0, connecting > 0 { return false }
        return closing < atOnce
    }
}

/// How long to wait after so many failures: at random up to a bound that doubles, so that clients do not come back together.
///
/// “Full jitter”, from Marc Brooker, “Exponential Backoff And Jitter”, AWS Architecture Blog, 2015.
struct Backoff: Sendable {
    let base: UInt64
    let most: UInt64

    /// - Parameter random: From 0 up to 1.
    func delay(failures: Int, random: Double) -> UInt64 {
        var bound = base
        var doublings = failures - 1
        while doublings > 0, bound < most {
            bound *= 2
            doublings -= 1
        }
        return UInt64(Double(min(bound, most)) * random)
    }
}
