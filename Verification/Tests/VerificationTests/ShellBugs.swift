// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SeededBug {
    /// Bugs of the connection pool around the core.
    static let shell: [SeededBug] = [
        SeededBug(
            "The second wait of a caller has the whole timeout",
            in: "ConnectionPooling/Pool/ConnectionPool+Checkout.swift",
            "nanoseconds: wait.rest(at: now))",
            "nanoseconds: wait.rest(at: began))",
            foundBy: "ConnectionPoolingTests.SecondWaitTests/rest"
        ),
        SeededBug(
            "A connection that arrives after its connect timeout is closed as if the pool counted it",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Growth.swift",
            "closer.close(connection, isCounted: false)",
            "closer.close(connection)",
            foundBy: "ConnectionPoolingTests.SecondWaitTests/lateConnection"
        ),
        SeededBug(
            "A stale connection stays leased when the caller takes a fresh one",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Preparation.swift",
            """
                            release(LockGuard(slot))
                            slot = fresh
            """,
            "                slot = fresh",
            foundBy: "ConnectionPoolingTests.PreparationTests/staleGoesBack"
        ),
        SeededBug(
            "A caller whose deadline passes during a test gets in line again",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Preparation.swift",
            "if wait.rest(at: time.now) == 0 { throw error(.timedOut, since: wait.began, cause: wait.cause) }",
            "",
            foundBy: "ConnectionPoolingTests.PreparationTests/deadlineDuringTest"
        ),
        SeededBug(
            "A caller waits for each hanging test for as long as for the first",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Preparation.swift",
            "wait.unfinishedTests += 1",
            "",
            foundBy: "ConnectionPoolingTests.PreparationTests/hangingTests"
        ),
        SeededBug(
            "A caller waits for a test for an eighth of the reset timeout",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Preparation.swift",
            "wholeNanoseconds / 16)",
            "wholeNanoseconds / 8)",
            foundBy: "ConnectionPoolingTests.PreparationTests/hangingTests"
        ),
        SeededBug(
            "A test at the instant of the caller's arrival does not count",
            in: "ConnectionPooling/Lifecycle/LifecyclePolicy.swift",
            "return idleSince >= arrival &&",
            "return idleSince > arrival &&",
            foundBy: "ConnectionPoolingTests.LifecyclePolicyTests/handOut"
        ),
        SeededBug(
            "A failed test marks no other connections as suspect",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Preparation.swift",
            "else { suspectOthers(than: record) }",
            "",
            foundBy: "ConnectionPoolingTests.PreparationTests/suspectsAtCheckout"
        ),
        SeededBug(
            "The time of a successful test is not recorded",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Return.swift",
            "if kind == .test { noteTest(of: record, hasSucceeded: isUsable, at: now) }",
            "if kind != .test { noteTest(of: record, hasSucceeded: isUsable, at: now) }",
            foundBy: "ConnectionPoolingTests.HealthTests/nextKeepAlive"
        ),
        SeededBug(
            "A connection has one use more than the maximum",
            in: "ConnectionPooling/Lifecycle/LifecyclePolicy.swift",
            "if now < retireAt, connection.uses < maximumUses",
            "if now < retireAt, connection.uses <= maximumUses",
            foundBy: "ConnectionPoolingTests.RetirementTests/maximumUses"
        ),
        SeededBug(
            "A suspended pool passes on reusable returned connections",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Return.swift",
            """
            policy.decision(for: record, at: returned, now: now),
                        checkoutState.load(ordering: .relaxed) == CheckoutState.accepting
            """,
            "policy.decision(for: record, at: returned, now: now)",
            foundBy: "ConnectionPoolingTests.OperationsTests/suspendedReturn"
        ),
        SeededBug(
            "A reset that a hook requests is skipped",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Return.swift",
            "case .needsReset: await factory.reset(connection)",
            "case .needsReset: true",
            foundBy: "ConnectionPoolingTests.HealthTests/resetByHook"
        ),
        SeededBug(
            "A detached connection still counts as open",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Discard.swift",
            "closer.detached()",
            "",
            foundBy: "ConnectionPoolingTests.DiscardTests/detach"
        ),
        SeededBug(
            "A detached connection is not counted",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Discard.swift",
            "noteClosing(.detached)",
            "",
            foundBy: "ConnectionPoolingTests.DiscardTests/detach"
        ),
        SeededBug(
            "The pause before the next attempt counts from the clock's origin",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Growth.swift",
            "sleep(until: retryAt)",
            "sleep(until: time.now + retryAt)",
            foundBy: "ConnectionPoolingTests.GrowthTests/pauseOfOldPool"
        ),
        SeededBug(
            "Lifetimes are spread over half of their length",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Growth.swift",
            "UInt64(Double(lifetime) / 4 *",
            "UInt64(Double(lifetime) / 2 *",
            foundBy: "ConnectionPoolingTests.RetirementTests/herd"
        ),
        SeededBug(
            "A connection retires a lifetime after the clock's origin",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Growth.swift",
            "return now &+ lifetime -",
            "return lifetime -",
            foundBy: "ConnectionPoolingTests.RetirementTests/lifetime"
        ),
        SeededBug(
            "A connection that afterConnect rejects is not closed",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Growth.swift",
            """
                            await factory.close(connection)
                            throw error
            """,
            "                throw error",
            foundBy: "ConnectionPoolingTests.GrowthTests/failedHook"
        ),
        SeededBug(
            "Failed connection attempts are not counted",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Growth.swift",
            "counters.withLock { $0.connectFailures += 1 }",
            "",
            foundBy: "ConnectionPoolingTests.CountersTests/callers"
        ),
        SeededBug(
            "A connection reaches its idle timeout one instant late",
            in: "ConnectionPooling/Lifecycle/LifecyclePolicy.swift",
            "unusedTime >= idleTimeout",
            "unusedTime > idleTimeout",
            foundBy: "ConnectionPoolingTests.LifecyclePolicyTests/maintenance"
        ),
        SeededBug(
            "Maintenance closes idle connections below the minimum",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Maintenance.swift",
            "to: lease, at: now) { surplus -= 1 }",
            "to: lease, at: now) {}",
            foundBy: "ConnectionPoolingTests.RetirementTests/idleTimeout"
        ),
        SeededBug(
            "Maintenance is due one use after the maximum",
            in: "ConnectionPooling/Lifecycle/LifecyclePolicy.swift",
            "connection.isSuspect || connection.uses >= maximumUses",
            "connection.isSuspect || connection.uses > maximumUses",
            foundBy: "ConnectionPoolingTests.LifecyclePolicyTests/dueAsDecision"
        ),
        SeededBug(
            "An eviction during a connection attempt is missed",
            in: "ConnectionPooling/Lifecycle/LifecyclePolicy.swift",
            "connection.generation ^ generation > 1",
            "connection.generation ^ generation > 2",
            foundBy: "ConnectionPoolingTests.LifecyclePolicyTests/connected"
        ),
        SeededBug(
            "An evicted connection that needs a reset counts as discarded",
            in: "ConnectionPooling/Lifecycle/LifecyclePolicy.swift",
            "if connection.retireAt == Self.discarded",
            "if connection.retireAt <= Self.discarded",
            foundBy: "ConnectionPoolingTests.LifecyclePolicyTests/returned"
        ),
        SeededBug(
            "A closed connection keeps its slot",
            in: "ConnectionPooling/Lifecycle/Closer.swift",
            "completion()",
            "",
            foundBy: "ConnectionPoolingTests.ConnectionPoolTests/broken"
        ),
        SeededBug(
            "A task counts as waiting after it has its connection",
            in: "ConnectionPooling/Pool/ConnectionPool+Checkout.swift",
            "defer { endWaiting(entry) }",
            "_ = entry",
            foundBy: "ConnectionPoolingTests.DeadlockDetectionTests/harmless"
        ),
        SeededBug(
            "The wait of a caller is measured from the clock's origin",
            in: "ConnectionPooling/Pool/ConnectionPool+Checkout.swift",
            "noteWait(now.elapsed(since: began))",
            "noteWait(now)",
            foundBy: "ConnectionPoolingTests.ObservationTests/snapshot"
        ),
        SeededBug(
            "The timer of a finished operation is not cancelled",
            in: "ConnectionPooling/Support/TimeLimiter.swift",
            "timer.cancel()",
            "",
            foundBy: "ConnectionPoolingTests.ScaleTests/emptyPool"
        ),
        SeededBug(
            "A shutdown interrupts idle connections instead of leased ones",
            in: "ConnectionPooling/Pool/ConnectionPool+Operations.swift",
            "lockPool.peek(index) == .leased { closer.interrupt(index) }",
            "lockPool.peek(index) == .idle { closer.interrupt(index) }",
            foundBy: "ConnectionPoolingTests.OperationsTests/interruption"
        ),
        SeededBug(
            "The last use of a closed pool is not reported",
            in: "ConnectionPooling/Lifecycle/ConnectionPool+Discard.swift",
            "if isObserved, lockPool.isClosed, lockPool.occupancy.leased == 0 { reportStatus() }",
            "",
            foundBy: "ConnectionPoolingTests.CountersTests/reports"
        ),
    ]
}
