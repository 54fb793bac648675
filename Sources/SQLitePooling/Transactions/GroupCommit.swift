// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How many writes of a pool share a commit, and how many of the last group are expected back.
///
/// Tasks that write one thing after another come back soon after a commit, each with its next call. As long as some of the last
/// group have not come back, the connection's thread polls for the next of them before it commits.
///
/// The number is a guess, which costs some microseconds where it is wrong. Relaxed, all of it: no data depend on it.
final class GroupCommit: Sendable {
    /// How many writes share a transaction at most.
    let limit: Int
    private let expected = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// Notes that a group is about to be told its outcome.
    func expect(_ members: Int) { expected.store(members, ordering: .relaxed) }

    /// Notes a call.
    func noteCall() { expected.subtract(1, ordering: .relaxed) }

    var isAnybodyExpected: Bool { expected.load(ordering: .relaxed) > 0 }
}
