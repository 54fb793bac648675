// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite struct SpinPolicyTests {
    /// How many of so many statements are looked for, where looks succeed or not.
    private func looks(_ habit: borrowing SpinPolicy, statements: Int, succeed: Bool) -> Int {
        var looks = 0
        for _ in 0..<statements where habit.shouldSpin() {
            habit.note(succeed)
            looks += 1
        }
        return looks
    }

    @Test("Looks that succeed are made for every statement")
    func success() {
        #expect(looks(SpinPolicy(socket: -1), statements: 1_000, succeed: true) == 1_000)
    }

    @Test("Looks in vain become rare, and one that succeeds brings them back")
    func failure() {
        let habit = SpinPolicy(socket: -1)
        // Ten until the pause is at its longest, and one in 513 from then on.
        #expect(looks(habit, statements: 100_000, succeed: false) < 210)
        #expect(looks(habit, statements: 1_000, succeed: true) > 487)
        #expect(looks(habit, statements: 1_000, succeed: true) == 1_000)
    }
}
