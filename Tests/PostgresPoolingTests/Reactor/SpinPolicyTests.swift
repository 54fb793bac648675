// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct SpinPolicyTests {
    /// Returns the number of statements with a spin, if all spins succeed or all fail.
    private func looks(_ habit: borrowing SpinPolicy, statements: Int, succeed: Bool) -> Int {
        var looks = 0
        for _ in 0..<statements where habit.shouldSpin() {
            habit.record(succeed)
            looks += 1
        }
        return looks
    }

    @Test("Every statement spins while spins succeed")
    func success() {
        #expect(looks(SpinPolicy(socket: -1), statements: 1_000, succeed: true) == 1_000)
    }

    @Test("Spins in vain become rare, and a successful one restores them")
    func failure() {
        let habit = SpinPolicy(socket: -1)
        // Ten until the pause has its maximum, and one in 513 from then on.
        #expect(looks(habit, statements: 100_000, succeed: false) < 210)
        #expect(looks(habit, statements: 1_000, succeed: true) > 487)
        #expect(looks(habit, statements: 1_000, succeed: true) == 1_000)
    }
}
