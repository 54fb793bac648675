// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ConnectionPooling

/// The decisions of a pool, as functions of values.
@Suite(.timeLimit(.minutes(10))) struct PoolDecisionTests {
    private func plan(maximum: Int = 10, minimum: Int = 0, concurrent: Int = 4) -> GrowthPlan {
        GrowthPlan(
            maximum: maximum,
            minimum: minimum,
            concurrent: concurrent,
            backoff: Backoff(base: 100, most: 5_000),
            breakerThreshold: 1_000
        )
    }

    @Test(
        "A pool connects for each waiter, within its maximum and its limit of concurrent attempts",
        arguments: [
            // waiting, occupied, connecting, expected
            (0, 0, 0, 0), (1, 0, 0, 1), (3, 0, 0, 3), (9, 0, 0, 4), (9, 4, 4, 0), (9, 8, 0, 2), (9, 10, 0, 0),
            (2, 2, 2, 0),
            (3, 5, 2, 1),
        ]
    )
    func growth(waiting: Int, occupied: Int, connecting: Int, expected: Int) {
        var plan = plan()
        for _ in 0..<connecting { plan.connectStarted(at: 0) }
        #expect(plan.connectsToStart(.init(waiting: waiting, occupied: occupied, now: 0)) == expected)
    }

    @Test("The minimum is kept after the first use of the pool")
    func minimum() {
        var plan = plan(minimum: 3)
        #expect(plan.connectsToStart(.init(waiting: 0, occupied: 1, now: 0)) == 0)
        plan.isWarm = true
        #expect(plan.connectsToStart(.init(waiting: 0, occupied: 1, now: 0)) == 2)
        #expect(plan.connectsToStart(.init(waiting: 0, occupied: 3, now: 0)) == 0)
    }

    @Test("Connections that leave a shrunk pool count against the maximum")
    func slotless() {
        var plan = plan(maximum: 2)
        plan.slotlessCloseBegan()
        #expect(plan.connectsToStart(.init(waiting: 5, occupied: 0, now: 0)) == 1)
        plan.slotlessCloseEnded()
        #expect(plan.connectsToStart(.init(waiting: 5, occupied: 0, now: 0)) == 2)
    }

    @Test("After a failure one attempt runs at a time, when it is due")
    func outage() {
        var plan = plan()
        plan.connectStarted(at: 1_000)
        plan.connectFailed(at: 1_000, isPermanent: false, random: 0.5)
        #expect(plan.outage?.retryAt == 1_050 && plan.outage?.isOpen == false)
        #expect(plan.connectsToStart(.init(waiting: 5, occupied: 0, now: 1_049)) == 0)
        #expect(plan.connectsToStart(.init(waiting: 5, occupied: 0, now: 1_050)) == 1)
        #expect(plan.connectsToStart(.init(waiting: 0, occupied: 0, now: 1_050)) == 0)
        plan.connectStarted(at: 0)
        #expect(plan.connectsToStart(.init(waiting: 5, occupied: 1, now: 1_050)) == 0)
        plan.connectFailed(at: 2_000, isPermanent: false, random: 0.5)
        // Open: an attempt must find out whether the outage is over, even without waiters.
        #expect(plan.outage?.isOpen == true)
        #expect(plan.connectsToStart(.init(waiting: 0, occupied: 0, now: 2_100)) == 1)
        plan.connectStarted(at: 0)
        plan.connectSucceeded(at: 0)
        #expect(plan.outage == nil)
        #expect(plan.connectsToStart(.init(waiting: 5, occupied: 1, now: 2_100)) == 4)
    }

    @Test("The breaker is due a threshold after the start of the first unanswered attempt")
    func breaker() {
        var plan = plan()
        #expect(plan.breakerDueAt == nil)
        plan.connectStarted(at: 100)
        plan.connectStarted(at: 300)
        #expect(plan.breakerDueAt == 1_100)
        // The other attempt counts as unanswered since then.
        plan.connectSucceeded(at: 400)
        #expect(plan.breakerDueAt == 1_400)
        let isOpenEarly = plan.openBreaker(.init(waiting: 1, occupied: 2, now: 1_399))
        #expect(!isOpenEarly)
        let isOpen = plan.openBreaker(.init(waiting: 1, occupied: 2, now: 1_400))
        #expect(isOpen && plan.refuses(at: 1_400) && plan.outage?.failures == 0)
        plan.connectSucceeded(at: 1_500)
        #expect(plan.outage == nil && plan.breakerDueAt == nil)
        plan.connectStarted(at: 2_000)
        plan.connectFailed(at: 2_100, isPermanent: false, random: 0)
        // The only caller has left: the next one gets an attempt of its own.
        let isOpenWithoutCaller = plan.openBreaker(.init(waiting: 0, occupied: 0, now: 3_000))
        #expect(!isOpenWithoutCaller && plan.breakerDueAt == nil)
    }

    @Test("The time for which an attempt waits for a thread does not count")
    func lateBeginning() {
        var plan = plan()
        plan.connectStarted(at: 100)
        plan.connectBegan(at: 600, startedAt: 100)
        #expect(plan.breakerDueAt == 1_600)
        plan.connectStarted(at: 700)
        plan.connectBegan(at: 900, startedAt: 700)
        #expect(plan.breakerDueAt == 1_600)
    }

    @Test("Of attempts that start together, the first that begins counts")
    func firstBeginning() {
        var plan = plan()
        for _ in 0..<2 { plan.connectStarted(at: 100) }
        plan.connectBegan(at: 100, startedAt: 100)
        plan.connectBegan(at: 600, startedAt: 100)
        #expect(plan.breakerDueAt == 1_100)
    }

    @Test("A permanent failure opens the breaker at once")
    func permanent() {
        var plan = plan()
        plan.connectStarted(at: 0)
        let answer1 = plan.connectFailed(at: 0, isPermanent: true, random: 0).isOpen
        #expect(answer1)
    }

    @Test("A failure that is recorded late has no effect on time")
    func lateFailure() {
        var plan = plan()
        plan.connectStarted(at: 999)
        plan.connectStarted(at: 999)
        plan.connectFailed(at: 1_000, isPermanent: false, random: 0)
        let late = plan.connectFailed(at: 999, isPermanent: false, random: 0)
        #expect(late.failures == 2 && !late.isOpen)
    }

    @Test("The back-off doubles up to its bound, and is random below it")
    func backoff() {
        let backoff = Backoff(base: 100, most: 5_000)
        #expect(
            [1, 2, 3, 6, 7, 50, .max].map { backoff.delay(failures: $0, random: 1) } == [
                100, 200, 400, 3_200, 5_000, 5_000, 5_000,
            ]
        )
        #expect(backoff.delay(failures: 3, random: 0.25) == 100)
        #expect(backoff.delay(failures: 3, random: 0) == 0)
    }

    @Test("Expired connections close when a replacement exists, or one at a time without a vacant slot")
    func retirement() {
        var plan = plan(maximum: 2)
        let room = GrowthPlan.Demand(waiting: 0, occupied: 1, now: 0)
        let answer2 = plan.mayRetire(room, closing: 0, isNeeded: true)
        #expect(!answer2)
        #expect(plan.connectsToStart(room) == 1)
        plan.connectStarted(at: 0)
        plan.connectSucceeded(at: 0)
        let answer3 = plan.mayRetire(.init(waiting: 0, occupied: 2, now: 0), closing: 0, isNeeded: true)
        #expect(answer3)
        let answer4 = plan.mayRetire(.init(waiting: 0, occupied: 2, now: 0), closing: 0, isNeeded: true)
        #expect(answer4)
        let answer5 = plan.mayRetire(.init(waiting: 0, occupied: 2, now: 0), closing: 1, isNeeded: true)
        #expect(!answer5)
        let answer6 = plan.mayRetire(.init(waiting: 0, occupied: 2, now: 0), closing: 5, isNeeded: false)
        #expect(answer6)
    }

    @Test("A histogram reports durations to within a quarter")
    func distribution() {
        let counts = DurationHistogram.Counts()
        for nanoseconds in UInt64(1)...1_000 { counts.add(nanoseconds) }
        counts.add(.max)
        let distribution = counts.histogram
        #expect(distribution.count == 1_001)
        for (fraction, exact) in [(0.1, 100), (0.5, 500), (0.9, 900)] {
            let nanoseconds = distribution.quantile(fraction).components.attoseconds / 1_000_000_000
            #expect((exact...exact * 5 / 4 + 1).contains(Int(nanoseconds)))
        }
        #expect(DurationHistogram.empty.quantile(0.5) == .zero)
    }
}
