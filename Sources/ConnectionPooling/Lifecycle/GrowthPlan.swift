// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Decides when to connect. Has no effects of its own.
///
/// A plain value that computes with counts and instants. Instants are nanoseconds of the pool's
/// clock.
struct GrowthPlan: Sendable {
    /// The state of the pool for one decision.
    struct Demand {
        /// The number of waiters.
        var waiting = 0
        /// The number of slots that are not vacant, including those with a running connection
        /// attempt.
        var occupied = 0
        var now: UInt64 = 0
    }

    /// A series of attempts without a success.
    struct Outage: Sendable {
        /// The number of failed attempts.
        var failures: Int
        /// The instant of the next attempt.
        var retryAt: UInt64
        /// Without a back-off: the instant of the next attempt for the minimum, for which no
        /// caller waits.
        var refillAt: UInt64 = 0
        /// Whether callers are refused at once until an attempt succeeds.
        var isOpen: Bool
    }

    var maximum: Int
    let minimum: Int
    let concurrent: Int
    let backoff: Backoff
    /// The time from the start of the first unanswered attempt until callers are refused at once.
    let breakerThreshold: UInt64
    /// The number of connections that are kept idle in addition to those in use.
    var minimumIdle = 0
    /// The number of leased connections at the last count, once a second. A decision about an
    /// attempt does not count them itself, because for an instant the pool, too, leases idle
    /// connections.
    var inUse = 0

    /// The number of running connection attempts.
    private(set) var connecting = 0
    /// The number of connections that are being closed and have no slot any more.
    private(set) var slotless = 0
    /// The number of connections that are replaced when another connection exists.
    private(set) var replacementsWanted = 0
    /// The number of connections that may retire because a replacement exists.
    private(set) var replacementsReady = 0
    private(set) var outage: Outage?
    /// The start of the first attempt since the last success. While the breaker is open, the
    /// start of the attempt that may end the outage.
    private(set) var unansweredSince: UInt64?
    /// Whether an attempt has started to run since then. Until then all of them wait for threads.
    private var hasBegun = false
    /// The number of attempts for the minimum in the second that began at `refillsSince`.
    private var refills = 0
    private var refillsSince: UInt64 = 0
    /// Whether the pool has been used and thus keeps its minimum.
    var isWarm = false

    init(maximum: Int, minimum: Int, concurrent: Int, backoff: Backoff, breakerThreshold: UInt64) {
        self.maximum = maximum
        self.minimum = minimum
        self.concurrent = concurrent
        self.backoff = backoff
        self.breakerThreshold = breakerThreshold
    }

    /// Whether the largest number of attempts is running, whatever the demand.
    var isSaturated: Bool { connecting >= (outage == nil ? concurrent : 1) }

    /// Returns the number of attempts to start: one for each waiter without a running attempt,
    /// for each connection to be replaced, and for each connection below the minimum. During an
    /// outage, one at a time and only when it is due.
    func connectsToStart(_ demand: Demand) -> Int {
        let forCallers = forCallers(demand)
        var wanted = max(forCallers, forMinimum(demand), 0)
        var room = min(maximum - demand.occupied - slotless, concurrent - connecting)
        if let outage {
            // An attempt must find out whether the outage is over, unless the next caller's does
            // so at once.
            if outage.isOpen, backoff.most > 0 { wanted = max(wanted, 1) }
            room = demand.now < outage.retryAt ? 0 : min(room, 1 - connecting)
        }
        return max(0, min(wanted, room))
    }

    private func forCallers(_ demand: Demand) -> Int { demand.waiting + replacementsWanted - connecting }

    /// Returns the number of connections below the minimum that may be made now.
    ///
    /// A server that accepts connections and ends them at once would cause attempts without end.
    /// The plan therefore limits the attempts for the minimum to that number per second, and
    /// without a back-off to none within a second of a failure.
    private func forMinimum(_ demand: Demand) -> Int {
        if !isWarm { return 0 }
        if let outage, backoff.most == 0, demand.now < outage.refillAt { return 0 }
        let lacking = kept - demand.occupied
        let isSameSecond = demand.now < refillsSince + GrowthPlan.second
        return min(lacking, max(minimum, minimumIdle, 1) - (isSameSecond ? refills : 0))
    }

    /// The number of connections that the pool keeps without waiting callers.
    private var kept: Int { min(max(minimum, inUse + minimumIdle), maximum) }

    /// Whether the pool has fewer connections than its minimum, including those that are being
    /// made.
    ///
    /// - Parameter occupied: As in ``Demand``.
    func lacksMinimum(occupied: Int) -> Bool { isWarm && occupied < kept }

    private static let second: UInt64 = 1_000_000_000

    /// Whether callers are refused at once: the circuit breaker is open, and the next attempt is
    /// running or not yet due. Without a back-off each caller may cause an attempt.
    func refuses(at now: UInt64) -> Bool {
        guard let outage, outage.isOpen, backoff.most > 0 else { return false }
        return connecting > 0 || now < outage.retryAt
    }

    /// Records the start of `count` attempts, according to `connectsToStart`.
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
        if unansweredSince == nil { (unansweredSince, hasBegun) = (now, false) }
    }

    /// Records when an attempt really begins: its task may have waited for a thread, and that
    /// time says nothing about the server.
    mutating func connectBegan(at now: UInt64, startedAt: UInt64) {
        // Of several attempts that start together, the first that begins counts.
        if unansweredSince == startedAt, !hasBegun { unansweredSince = now }
        hasBegun = true
    }

    mutating func connectSucceeded(at now: UInt64) {
        connecting -= 1
        outage = nil
        // The remaining attempts count as unanswered from now on.
        unansweredSince = connecting > 0 ? now : nil
        if replacementsWanted > 0 {
            replacementsWanted -= 1
            replacementsReady += 1
        }
    }

    /// Records a failure, and schedules the next attempt.
    ///
    /// - Parameters:
    ///   - isPermanent: Whether no further attempt can succeed, so that callers need not wait for
    ///     one.
    ///   - random: From 0 up to 1.
    /// - Returns: The current outage.
    @discardableResult
    mutating func connectFailed(at now: UInt64, isPermanent: Bool, random: Double) -> Outage {
        connecting -= 1
        replacementsWanted = 0
        var next = outage ?? Outage(failures: 0, retryAt: now, isOpen: false)
        next.failures += 1
        next.retryAt = now + backoff.delay(failures: next.failures, random: random)
        next.refillAt = now + GrowthPlan.second
        // Failures may be recorded in another order than they occur.
        let began = unansweredSince ?? now
        let duration = now > began ? now - began : 0
        next.isOpen = next.isOpen || isPermanent || duration >= breakerThreshold
        if next.isOpen { unansweredSince = nil }
        outage = next
        return next
    }

    /// The instant at which the breaker opens unless an attempt succeeds before; `nil` if every
    /// attempt has been answered. While the breaker is open, the instant at which the callers
    /// that wait for the next attempt are refused.
    ///
    /// With a threshold of zero only a failure opens the breaker, because a connection attempt
    /// needs some time to succeed.
    var breakerDueAt: UInt64? {
        guard backoff.most > 0, breakerThreshold > 0, let unansweredSince else { return nil }
        let (due, isBeyondTime) = unansweredSince.addingReportingOverflow(breakerThreshold)
        return isBeyondTime ? nil : due
    }

    /// Opens the breaker if it is due.
    ///
    /// - Returns: Whether it was due.
    mutating func openBreaker(_ demand: Demand) -> Bool {
        guard let due = breakerDueAt, demand.now >= due else { return false }
        unansweredSince = nil
        // If no caller has asked for another attempt, the next caller gets one.
        if connecting == 0, max(forCallers(demand), forMinimum(demand)) <= 0 { return false }
        var next = outage ?? Outage(failures: 0, retryAt: demand.now, isOpen: false)
        next.isOpen = true
        outage = next
        return true
    }

    /// Forgets failures when the pool resumes after a suspension, perhaps with another server.
    mutating func restart(at now: UInt64) {
        outage = nil
        unansweredSince = connecting > 0 ? now : nil
    }

    mutating func slotlessCloseBegan() { slotless += 1 }
    mutating func slotlessCloseEnded() { slotless -= 1 }

    /// Whether a connection that has expired may close now. It may if a replacement exists.
    /// Otherwise, a replacement connects first if there is a vacant slot. If there is none, it
    /// may close unless others are closing.
    ///
    /// - Parameters:
    ///   - closing: The number of connections that are being closed.
    ///   - isNeeded: Whether the pool needs a replacement at all.
    mutating func mayRetire(_ demand: Demand, closing: Int, isNeeded: Bool) -> Bool {
        if !isNeeded { return true }
        if replacementsReady > 0 {
            replacementsReady -= 1
            return true
        }
        let atOnce = max(1, maximum / 10)
        if demand.occupied + slotless < maximum {
            if outage == nil, replacementsWanted < atOnce { replacementsWanted += 1 }
            return false
        }
        // The replacement that is connecting may have taken the vacant slot.
        if replacementsWanted > 0, connecting > 0 { return false }
        return closing < atOnce
    }
}

/// The pause after a number of failures: random up to a bound that doubles, so that clients do
/// not reconnect together.
///
/// “Full jitter”, from Marc Brooker, “Exponential Backoff And Jitter”, AWS Architecture Blog,
/// 2015.
package struct Backoff: Sendable {
    let base: UInt64
    let most: UInt64

    package init(base: UInt64, most: UInt64) { (self.base, self.most) = (base, most) }

    /// Returns the pause in nanoseconds.
    ///
    /// - Parameter random: From 0 up to 1.
    package func delay(failures: Int, random: Double) -> UInt64 {
        var bound = base
        var doublings = failures - 1
        while doublings > 0, bound < most {
            bound *= 2
            doublings -= 1
        }
        return UInt64(Double(min(bound, most)) * random)
    }
}
