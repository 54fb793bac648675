// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The parameters' types that the server takes for statements, as the connections of a pool have learned them.
///
/// A connection asks when a statement with parameters comes to it for the first time, and not again.
final class ResolvedTypes: Sendable {
    private struct State {
        var types: [StatementIdentity: [UInt32]] = [:]
        /// In the order in which they came, from `next` on.
        var identities: [StatementIdentity] = []
        var next = 0
        /// Those whose parameters no time zone converts.
        var zoned: Set<StatementIdentity> = []
    }

    /// The number of statements that are remembered. The ones that came first go first.
    static var capacity: Int { 1_024 }

    private let state = Locked(State())
    private let alterations = Atomic(0)

    /// The number of times that connections of the pool have altered the schema.
    var schemaVersion: Int { alterations.load(ordering: .relaxed) }

    /// Forgets for which statements no time zone converts a parameter: a connection of the pool has altered the schema.
    func forgetZones() {
        state.withLock { $0.zoned = [] }
        alterations.add(1, ordering: .relaxed)
    }
    private let othersAreKnown = Atomic(false)

    /// Whether any statement takes other types than those of its values.
    var hasOthers: Bool { othersAreKnown.load(ordering: .relaxed) }

    /// Whether it is known that no time zone converts a parameter of a statement.
    func isZoned(_ statement: StatementIdentity) -> Bool { state.withLock { $0.zoned.contains(statement) } }

    /// Notes that no time zone converts a parameter of a statement.
    func noteZoned(_ statement: StatementIdentity) {
        state.withLock { state in
            if state.zoned.count >= ResolvedTypes.capacity { state.zoned = [] }
            state.zoned.insert(statement)
        }
    }

    /// Returns the types of all parameters of a statement; `nil` if they are not known.
    func types(of statement: StatementIdentity) -> [UInt32]? { state.withLock { $0.types[statement] } }

    /// Notes the types of all parameters of a statement.
    ///
    /// - Parameter areOthers: Whether they are others than those of the values, which `statement` is made of.
    func note(_ types: [UInt32], of statement: StatementIdentity, areOthers: Bool) {
        if areOthers { othersAreKnown.store(true, ordering: .relaxed) }
        state.withLock { state in
            guard state.types.updateValue(types, forKey: statement) == nil else { return }
            if state.identities.count < ResolvedTypes.capacity {
                state.identities.append(statement)
            } else {
                state.types[state.identities[state.next]] = nil
                state.identities[state.next] = statement
                state.next = (state.next + 1) % ResolvedTypes.capacity
            }
        }
    }
}
