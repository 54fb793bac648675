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
        /// Places that are not vacant, those where somebody connects among them.
        var occupied = 0
        var now: UInt64 = 0
    }

    /// A run of failures without a success between.
    struct Outage: Sendable {
        /// How many there were.
        var failures: Int
        /// When the first was.
        let began: UInt64
        /// When to try again.
        var retryAt: UInt64
        /// Whether callers are refused at once until a connect succeeds.
        var isOpen: Bool
    }

    var maximum: Int
    let minimum: Int
    let concurrent: Int
    let backoff: Backoff
    /// For how long connects fail before callers are refused at once.
    let patience: UInt64

    /// Connects under way.
    private(set) var connecting = 0
    /// Connections that are being closed and have no place any more.
    private(set) var homeless = 0
    /// Connections that wait for another to be there before they retire.
    private(set) var replacementsWanted = 0
    /// Connections that may retire, because another has come.
    private(set) var replacementsReady = 0
    private(set) var outage: Outage?
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
        let forCallers = demand.waiting + replacementsWanted - connecting
        let forMinimum = isWarm ? min(minimum, maximum) - demand.occupied : 0
        var wanted = max(forCallers, forMinimum, 0)
        var room = min(maximum - demand.occupied - homeless, concurrent - connecting)
        if let outage {
            // Somebody has to find out that it is over, unless the next caller does at once.
            if outage.isOpen, backoff.most > 0 { wanted = max(wanted, 1) }
            room = demand.now < outage.retryAt ? 0 : min(room, 1 - connecting)
        }
        return max(0, min(wanted, room))
    }

    /// Whether callers are refused at once: connects have failed for too long, and the next attempt is under way or not yet due.
    /// Without a back-off each caller may cause an attempt.
    func refuses(at now: UInt64) -> Bool {
        guard let outage, outage.isOpen, backoff.most > 0 else { return false }
        return connecting > 0 || now < outage.retryAt
    }

    mutating func connectStarted() { connecting += 1 }

    mutating func connectSucceeded() {
        connecting -= 1
        outage = nil
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
        var next = outage ?? Outage(failures: 0, began: now, retryAt: now, isOpen: false)
        next.failures += 1
        next.retryAt = now + backoff.delay(failures: next.failures, random: random)
        // Failures are noted in another order than they come in, now and then.
        let duration = now > next.began ? now - next.began : 0
        next.isOpen = next.isOpen || isPermanent || duration >= patience
        outage = next
        return next
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
