// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How writes of a pool share commits: how many, and who is expected.
///
/// Tasks that write one thing after another come back soon after a commit, each with its next call. As long as some of the last
/// group's are on their way, a group that nobody else waits for waits a little before it is committed; and the last of them, after
/// whom nobody is expected, looks for its outcome for a little instead of going to sleep, because no other task wants its processor.
///
/// Both are guesses, which cost some microseconds where they are wrong. Relaxed, all of it: no data depend on them.
final class GroupCommit: Sendable {
    /// How many writes share a transaction at most.
    let limit: Int
    private let expected = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// Notes that a group is about to be told its outcome.
    func expect(_ members: Int) { expected.store(members, ordering: .relaxed) }

    /// Notes a call.
    ///
    /// - Returns: Whether as many have come as the last group had members, so that it is the last for now.
    func noteCall() -> Bool { expected.subtract(1, ordering: .relaxed).newValue == 0 }

    var isAnybodyExpected: Bool { expected.load(ordering: .relaxed) > 0 }
}
