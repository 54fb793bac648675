// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ConnectionPooling

/// What becomes of a connection, as a table of values, events and decisions.
@Suite(.timeLimit(.minutes(10))) struct LifecyclePolicyTests {
    /// A connection that was made and last used at the instant 50, in a pool of generation 4.
    struct Values: LifecycleValues {
        var retireAt: UInt64 = 1_000
        var generation: UInt = 4
        var uses = 1
        var idleSince: UInt64 = 50
        var unusedSince: UInt64 = 50
        var isTestedSinceUse = false
        var keepAliveLead: UInt64 = 0
    }

    private let policy = LifecyclePolicy(
        ConnectionPoolConfiguration(
            validateAfterIdle: .nanoseconds(10),
            keepAliveInterval: .nanoseconds(20),
            idleTimeout: .nanoseconds(50),
            maximumUses: 7
        )
    )

    private static let evicted = Values(retireAt: LifecyclePolicy.evicted)
    private static let discarded = Values(retireAt: LifecyclePolicy.discarded)
    private static let worn = Values(uses: 7)
    private static let suspect = Values(generation: 5)

    private func check(_ rows: [(Values, LifecycleEvent, UInt64, LifecycleDecision)]) {
        for (values, event, now, decision) in rows {
            #expect(policy.decision(for: values, at: event, now: now) == decision, "\(values) \(event) \(now)")
        }
    }

    @Test("A new connection is kept unless the pool has been evicted during the attempt")
    func connected() {
        check([
            (Values(), .connected(generation: 4), 50, .keep),
            (Values(), .connected(generation: 6), 50, .close(.evicted)),
            // Marked as suspect by a failed test of another connection: the checkout tests it.
            (Self.suspect, .connected(generation: 4), 50, .keep),
            (Self.suspect, .connected(generation: 6), 50, .close(.evicted)),
        ])
    }

    @Test("A connection is handed out if it is current, not suspect, and used or tested lately")
    func handOut() {
        func event(_ arrival: UInt64 = .max, _ generation: UInt = 4) -> LifecycleEvent {
            .handOut(arrival: arrival, generation: generation)
        }
        let tested = Values(isTestedSinceUse: true)
        check([
            (Values(), event(), 59, .keep),
            (Values(), event(), 60, .ping),
            (Values(), event(), 40, .keep),
            (Self.suspect, event(), 50, .ping),
            (Values(), event(.max, 6), 50, .close(.evicted)),
            (Values(), event(.max, 6), 60, .close(.evicted)),
            (Self.suspect, event(.max, 6), 50, .close(.evicted)),
            // A test since the caller's arrival counts, however long ago it was.
            (tested, event(50), 100, .keep),
            (tested, event(49), 100, .keep),
            (tested, event(51), 100, .ping),
            (Values(), event(50), 100, .ping),
            (Values(generation: 5, isTestedSinceUse: true), event(50), 100, .ping),
            // The age counts at the return, not at the hand-out.
            (Self.worn, event(), 50, .keep),
            (Values(retireAt: 40), event(), 50, .keep),
        ])
    }

    @Test("A prepared connection is handed out unless it was evicted in the meantime")
    func prepared() {
        check([
            (Values(), .prepared(generation: 4), 500, .keep),
            (Self.suspect, .prepared(generation: 4), 500, .keep),
            (Values(), .prepared(generation: 6), 500, .close(.evicted)),
        ])
    }

    @Test("The inspection of a returned connection counts before its age, and a discard before all")
    func returned() {
        func event(_ health: ConnectionHealth, runsHook: Bool = false) -> LifecycleEvent {
            .returned(health, runsHook: runsHook)
        }
        let expired = Values(retireAt: 100)
        check([
            (Values(), event(.reusable), 999, .keep),
            (Values(), event(.reusable), 1_000, .replace(isNeeded: true)),
            (Values(uses: 6), event(.reusable), 50, .keep),
            (Self.worn, event(.reusable), 50, .replace(isNeeded: true)),
            (Self.evicted, event(.reusable), 50, .close(.evicted)),
            (Self.discarded, event(.reusable), 50, .close(.discarded)),
            (Values(), event(.needsReset), 50, .reset),
            (Values(), event(.broken), 50, .close(.broken)),
            (Values(), event(.discarded), 50, .close(.discarded)),
            (Self.discarded, event(.needsReset), 50, .close(.discarded)),
            (Self.discarded, event(.broken), 50, .close(.discarded)),
            (expired, event(.needsReset), 100, .reset),
            (expired, event(.broken), 100, .close(.broken)),
            (Self.evicted, event(.needsReset), 50, .reset),
            (Self.evicted, event(.broken), 50, .close(.broken)),
            (Values(), event(.reusable, runsHook: true), 50, .runHook),
            (expired, event(.reusable, runsHook: true), 100, .runHook),
            (Self.evicted, event(.reusable, runsHook: true), 50, .runHook),
            (Self.discarded, event(.reusable, runsHook: true), 50, .close(.discarded)),
            (Values(), event(.needsReset, runsHook: true), 50, .reset),
            (Values(), event(.broken, runsHook: true), 50, .close(.broken)),
            (Values(), .passedOn, 50, .keep),
            (Self.evicted, .passedOn, 50, .close(.evicted)),
        ])
    }

    @Test("A connection whose test, reset or hook has failed closes, and is passed on otherwise")
    func operationEnded() {
        check([
            (Values(), .operationEnded(.test, isUsable: false), 50, .close(.failedTest)),
            (Values(), .operationEnded(.reset, isUsable: false), 50, .close(.broken)),
            (Values(), .operationEnded(.hook, isUsable: false), 50, .close(.broken)),
            (Self.evicted, .operationEnded(.test, isUsable: false), 50, .close(.failedTest)),
            (Values(), .operationEnded(.reset, isUsable: true), 50, .keep),
            (Values(), .operationEnded(.test, isUsable: true), 1_000, .replace(isNeeded: true)),
            (Self.worn, .operationEnded(.hook, isUsable: true), 50, .replace(isNeeded: true)),
            (Self.evicted, .operationEnded(.reset, isUsable: true), 50, .close(.evicted)),
        ])
    }

    @Test("Maintenance closes evicted and superfluous connections, replaces old ones and tests the rest")
    func maintenance() {
        let (surplus, needed) = (
            LifecycleEvent.maintenance(isSurplus: true), LifecycleEvent.maintenance(isSurplus: false)
        )
        let minute: UInt64 = 60_000_000_000
        let tested = Values(idleSince: 90, isTestedSinceUse: true)
        check([
            (Values(), surplus, 69, .keep),
            (Values(), surplus, 70, .ping),
            (Values(keepAliveLead: 1), surplus, 69, .ping),
            (Values(keepAliveLead: 30), surplus, 50, .ping),
            (Self.suspect, surplus, 50, .ping),
            // A test is not a use.
            (tested, surplus, 99, .keep),
            (tested, surplus, 100, .close(.idle)),
            (tested, needed, 109, .keep),
            (tested, needed, 110, .ping),
            (Values(), surplus, 100, .close(.idle)),
            (Values(), needed, 100, .ping),
            (Self.evicted, surplus, 50, .close(.evicted)),
            (Self.evicted, surplus, 100, .close(.evicted)),
            (Self.worn, surplus, 50, .replace(isNeeded: true)),
            (Values(retireAt: 60), surplus, 60, .replace(isNeeded: true)),
            (Values(retireAt: 60), surplus, 59, .keep),
            (Values(retireAt: 60, generation: 5), needed, 60, .replace(isNeeded: true)),
            (Values(retireAt: 100), needed, 2 * minute, .replace(isNeeded: true)),
        ])
    }

    @Test("A surplus connection that was not used for a minute retires without a replacement")
    func replacement() {
        let policy = LifecyclePolicy(ConnectionPoolConfiguration(keepAliveInterval: nil, idleTimeout: nil))
        let minute: UInt64 = 60_000_000_000
        for (isSurplus, now, isNeeded) in [
            (true, 49 + minute, true), (true, 50 + minute, false), (false, 50 + minute, true),
        ] {
            let event = LifecycleEvent.maintenance(isSurplus: isSurplus)
            #expect(policy.decision(for: Values(), at: event, now: now) == .replace(isNeeded: isNeeded))
        }
    }

    @Test("A pool that tests at each checkout hands a connection out after one test")
    func testAtEachCheckout() {
        let policy = LifecyclePolicy(ConnectionPoolConfiguration(validateAfterIdle: .zero))
        let tested = Values(isTestedSinceUse: true)
        for (values, arrival, decision) in [
            (Values(), 50, LifecycleDecision.ping), (tested, 50, .keep), (tested, 51, .ping), (tested, .max, .ping),
        ] as [(Values, UInt64, LifecycleDecision)] {
            #expect(policy.decision(for: values, at: .handOut(arrival: arrival, generation: 4), now: 50) == decision)
        }
    }

    @Test("A connection is due at the first instant at which maintenance does not keep it")
    func dueAsDecision() {
        for _ in 0..<10_000 {
            let policy = LifecyclePolicy(
                ConnectionPoolConfiguration(
                    keepAliveInterval: Bool.random() ? .nanoseconds(Int.random(in: 1...40)) : nil,
                    idleTimeout: Bool.random() ? .nanoseconds(Int.random(in: 1...40)) : nil,
                    maximumUses: Bool.random() ? 5 : nil
                )
            )
            let unusedSince = UInt64.random(in: 1...20)
            let values = Values(
                retireAt: UInt64.random(in: 0...90),
                generation: UInt.random(in: 4...5),
                uses: Int.random(in: 0...6),
                idleSince: unusedSince + UInt64.random(in: 0...20),
                unusedSince: unusedSince,
                keepAliveLead: UInt64.random(in: 0...10)
            )
            let isSurplus = Bool.random()
            let first = (values.idleSince...100).first { now in
                policy.decision(for: values, at: .maintenance(isSurplus: isSurplus), now: now) != .keep
            }
            #expect(first == max(policy.maintenanceDue(for: values, isSurplus: isSurplus), values.idleSince))
        }
    }
}
