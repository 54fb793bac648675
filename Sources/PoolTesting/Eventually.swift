// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Lets other tasks run until `condition` holds: for what a test waits for and nobody announces.
///
/// Gives up when its task is cancelled, as a test's is by its time limit.
///
/// - Parameter condition: Looks at a pool's status, say; called again and again.
public func eventually(_ condition: () -> Bool) async {
    while !condition(), !Task.isCancelled { await Task.yield() }
}

extension ManualClock {
    /// Advances the clock in steps until `condition` holds, and lets other tasks run after each.
    ///
    /// A pool looks after its connections when one is due, so a leap of an hour is one look: this takes it through every second. While
    /// nothing sleeps on the clock, other tasks run for longer between the steps. Gives up when its task is cancelled, as a test's
    /// is by its time limit.
    ///
    /// - Parameters:
    ///   - step: How far the clock goes at a time.
    ///   - condition: Called before each step.
    public func advance(inStepsOf step: Duration = .seconds(1), until condition: () -> Bool) async {
        var pauses = 0
        while !condition(), !Task.isCancelled {
            pauses += 1
            if !deadlines.isEmpty || pauses > 50 {
                advance(by: step)
                pauses = 0
            }
            for _ in 0..<20 { await Task.yield() }
        }
    }
}
