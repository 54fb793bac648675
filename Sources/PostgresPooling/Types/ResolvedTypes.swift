// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The parameter types that the server accepts for statements, shared by the connections of a
/// pool.
///
/// A connection reads them when it first runs a statement with parameters, and not again.
final class ResolvedTypes: Sendable {
    private struct State {
        var types: [StatementIdentity: [UInt32]] = [:]
        /// In insertion order, starting at `next`.
        var identities: [StatementIdentity] = []
        var next = 0
        /// The statements in which no time zone converts a parameter.
        var zoneChecked: Set<StatementIdentity> = []
    }

    /// The number of statements to keep. The oldest are removed first.
    static var capacity: Int { 1_024 }

    private let state = Locked(State())
    private let alterations = Atomic(0)

    /// The number of times that connections of the pool have altered the schema.
    var schemaVersion: Int { alterations.load(ordering: .relaxed) }

    /// Removes the results of time zone checks, because a connection of the pool has altered the
    /// schema.
    func removeZoneChecks() {
        state.withLock { $0.zoneChecked = [] }
        alterations.add(1, ordering: .relaxed)
    }
    private let othersAreKnown = Atomic(false)

    /// Whether any statement needs other types than those of its values.
    var hasOthers: Bool { othersAreKnown.load(ordering: .relaxed) }

    /// Returns whether a statement is known to have no parameter that a time zone converts.
    func isZoneChecked(_ statement: StatementIdentity) -> Bool { state.withLock { $0.zoneChecked.contains(statement) } }

    /// Records that no time zone converts a parameter of a statement.
    func recordZoneCheck(_ statement: StatementIdentity) {
        state.withLock { state in
            if state.zoneChecked.count >= ResolvedTypes.capacity { state.zoneChecked = [] }
            state.zoneChecked.insert(statement)
        }
    }

    /// Returns the types of all parameters of a statement; `nil` if they are not known.
    func types(of statement: StatementIdentity) -> [UInt32]? { state.withLock { $0.types[statement] } }

    /// Records the types of all parameters of a statement.
    ///
    /// - Parameter areOthers: Whether they differ from the types of the values, which are part of
    ///   `statement`.
    func record(_ types: [UInt32], of statement: StatementIdentity, areOthers: Bool) {
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
