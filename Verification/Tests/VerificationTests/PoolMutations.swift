// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Mutation {
    /// Bugs of the connection pool, which the simulation has to find.
    static let ofPool: [Mutation] = [
        Mutation(
            testDescription: "A broken connection is passed on",
            file: "Lifecycle/LifecyclePolicy.swift",
            original: "case .broken: .close(.broken)",
            mutant: "case .broken: .keep"
        ),
        Mutation(
            testDescription: "A connection that needs a reset is passed on",
            file: "Lifecycle/LifecyclePolicy.swift",
            original: "case .needsReset: .reset",
            mutant: "case .needsReset: .keep"
        ),
        Mutation(
            testDescription: "A connection that has failed its test, or could not be reset, is passed on",
            file: "Lifecycle/ConnectionPool+Return.swift",
            original: "discard(processed.connection, reservation, end)",
            mutant: "_ = end\nfulfill(reservation, PooledConnection(processed.connection, in: record))"
        ),
        Mutation(
            testDescription: "A connection that was evicted while it was tested is kept",
            file: "Lifecycle/ConnectionPool+Return.swift",
            original: "{ apply(decision, to: LockGuard(slot), at: now) }",
            mutant: "{ release(LockGuard(slot)) }"
        ),
        Mutation(
            testDescription: "A connection that was evicted while it was leased is kept",
            file: "Lifecycle/LifecyclePolicy.swift",
            original: "case Self.evicted: return .close(.evicted)",
            mutant: "case Self.evicted: return .keep"
        ),
        Mutation(
            testDescription: "A connection that was made during an eviction is kept",
            file: "Lifecycle/ConnectionPool+Growth.swift",
            original: "let current = self.generation.load(ordering: .sequentiallyConsistent)",
            mutant: "let current = generation"
        ),
        Mutation(
            testDescription: "A connection that is evicted after its hand-over is handed out",
            file: "Lifecycle/LifecyclePolicy.swift",
            original: "if difference != 0 { return difference == 1 ? .ping : .close(.evicted) }",
            mutant: "if difference == 1 { return .ping }"
        ),
        Mutation(
            testDescription: "A connection that is evicted during its test or hook is handed out",
            file: "Lifecycle/ConnectionPool+Preparation.swift",
            original: "LifecycleEvent.prepared(generation: generation.load(ordering: .relaxed))",
            mutant: "LifecycleEvent.prepared(generation: connectionRecord(of: slot).generation)"
        ),
        Mutation(
            testDescription: "A suspended pool hands out a connection whose test or hook has ended",
            file: "Lifecycle/ConnectionPool+Preparation.swift",
            original: "if context.checkoutState.load(ordering: .sequentiallyConsistent) == CheckoutState.suspended {",
            mutant: "if context.checkoutState.load(ordering: .sequentiallyConsistent) < CheckoutState.accepting {"
        ),
        Mutation(
            testDescription: "A caller that leaves a test takes its connection with it",
            file: "Lifecycle/ConnectionPool+Return.swift",
            original: "if waiter?.finish(.succeeded(slot)) != true {",
            mutant: "if waiter?.finish(.succeeded(slot)) == nil {"
        ),
        Mutation(
            testDescription: "Connections that are being closed and have no slot are not counted",
            file: "Lifecycle/GrowthPlan.swift",
            original: "maximum - demand.occupied - slotless",
            mutant: "maximum - demand.occupied"
        ),
        Mutation(
            testDescription: "Running connection attempts are not counted",
            file: "Lifecycle/GrowthPlan.swift",
            original: "slotless, concurrent - connecting)",
            mutant: "slotless, concurrent)"
        ),
        Mutation(
            testDescription: "A connection that arrives too late is not closed",
            file: "Lifecycle/ConnectionPool+Growth.swift",
            original: "closer.close(connection, isCounted: false)",
            mutant: "_ = closer\n_ = consume connection"
        ),
        Mutation(
            testDescription: "No attempt starts after an outage",
            file: "Lifecycle/GrowthPlan.swift",
            original: "room = demand.now < outage.retryAt ? 0 : min(room, 1 - connecting)",
            mutant: "room = 0"
        ),
        Mutation(
            testDescription: "The end of an attempt starts no other",
            file: "Lifecycle/ConnectionPool+Growth.swift",
            original: "        grow()\n        notifyShutdown()\n",
            mutant: "        notifyShutdown()\n"
        ),
        Mutation(
            testDescription: "A deadlock is not detected",
            file: "Pool/ConnectionPool+DeadlockDetection.swift",
            original: "if holder == 0 || !waiting.contains(holder) { return false }",
            mutant: "if holder == 0 || !waiting.contains(holder) || true { return false }"
        ),
        Mutation(
            testDescription: "A deadlock is detected while others can still return connections",
            file: "Pool/ConnectionPool+DeadlockDetection.swift",
            original: "if holder == 0 || !waiting.contains(holder) { return false }",
            mutant: "_ = holder"
        ),
        Mutation(
            testDescription: "An operation beyond its time limit is still waited for",
            file: "Support/TimeLimiter.swift",
            original: "if race.finish(.timedOut, late: late) { worker.cancel() }",
            mutant: "worker.cancel()"
        ),
        Mutation(
            testDescription: "A smaller pool keeps idle connections beside leased ones that are to be closed",
            file: "Lifecycle/ConnectionPool+Maintenance.swift",
            original: "        closeSurplus()\n",
            mutant: ""
        ),
        Mutation(
            testDescription: "A suspended pool hands out returned connections",
            file: "Pool/ConnectionPool+Operations.swift",
            original: "if isSuspended { held.append(slot) }\n        return isSuspended",
            mutant: "return false"
        ),
        Mutation(
            testDescription: "Retained connections of a suspended pool are lost when it is closed",
            file: "Pool/ConnectionPool+Operations.swift",
            original: "        lockPool.close()\n        releaseHeld()\n",
            mutant: "        lockPool.close()\n"
        ),
        Mutation(
            testDescription: "A shutdown does not wait for open connections",
            file: "Pool/ConnectionPool+Operations.swift",
            original: "await closer.wait { closer.isAllClosed && growth.plan.withLock { $0.connecting } == 0 }",
            mutant: "await closer.wait { closer.closing >= 0 && growth.plan.withLock { $0.connecting } >= 0 }"
        ),
        Mutation(
            testDescription: "A closed connection is not counted as closed",
            file: "Lifecycle/Closer.swift",
            original: "if isCounted { state.open -= 1 }",
            mutant: ""
        ),
        Mutation(
            testDescription: "A caller that has returned its connection still counts as its holder",
            file: "Lifecycle/ConnectionRecord.swift",
            original: "unsafe storage.pointee.holder.store(0, ordering: .relaxed)",
            mutant: ""
        ),
    ]
}
