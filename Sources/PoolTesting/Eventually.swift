// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

/// A condition that a test waited for in vain.
public struct ConditionNotMet: Error, CustomStringConvertible {
    /// What the test waited for, where it did, and for how long.
    public let description: String
}

/// Lets other tasks run until `condition` holds: for a condition whose change nothing announces.
///
/// - Parameters:
///   - expectation: What the condition means, for the error.
///   - limit: How long to wait, by the system's clock. A bound for hangs, not a measurement.
///   - file: The file of the call site.
///   - line: The line of the call site.
///   - condition: Looks at a pool's status, say; called again and again.
/// - Throws: ``ConditionNotMet`` when `limit` is over; `CancellationError` if the task is cancelled.
public func eventually(
    _ expectation: String,
    within limit: Duration = .seconds(60),
    file: StaticString = #fileID,
    line: UInt = #line,
    _ condition: () -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        try Task.checkCancellation()
        if ContinuousClock.now >= deadline { throw notMet(expectation, limit, file, line) }
        await Task.yield()
    }
}

/// Lets other tasks run until `condition` holds, as the throwing `eventually`, for tests that look at the outcome themselves.
///
/// Gives up after two minutes, and says so on the standard error; or when its task is cancelled, as a test's is by its time limit.
///
/// - Parameters:
///   - file: The file of the call site.
///   - line: The line of the call site.
///   - condition: Looks at a pool's status, say; called again and again.
public func eventually(
    file: StaticString = #fileID,
    line: UInt = #line,
    _ condition: () -> Bool
) async {
    await reporting { try await eventually("a condition", within: .seconds(120), file: file, line: line, condition) }
}

extension ManualClock {
    /// Advances the clock in steps until `condition` holds, and lets other tasks run after each.
    ///
    /// A pool looks after its connections when one is due, so a leap of an hour is one look: this takes it through every second. While
    /// no task sleeps on the clock, other tasks run for longer between the steps.
    ///
    /// - Parameters:
    ///   - expectation: What the condition means, for the error.
    ///   - step: How far the clock goes at a time.
    ///   - limit: How long to wait, by the system's clock. A bound for hangs, not a measurement.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - condition: Called before each step.
    /// - Throws: ``ConditionNotMet`` when `limit` is over; `CancellationError` if the task is cancelled.
    public func advance(
        _ expectation: String,
        inStepsOf step: Duration = .seconds(1),
        within limit: Duration = .seconds(60),
        file: StaticString = #fileID,
        line: UInt = #line,
        until condition: () -> Bool
    ) async throws {
        let (deadline, began) = (ContinuousClock.now + limit, now)
        var pauses = 0
        while !condition() {
            try Task.checkCancellation()
            if ContinuousClock.now >= deadline {
                throw notMet("\(expectation) (the clock has advanced by \(began.duration(to: now)))", limit, file, line)
            }
            pauses += 1
            if !deadlines.isEmpty || pauses > 50 {
                advance(by: step)
                pauses = 0
            }
            for _ in 0..<20 { await Task.yield() }
        }
    }

    /// Advances the clock in steps until `condition` holds, as the throwing `advance`, for tests that look at the outcome themselves.
    ///
    /// Gives up after two minutes, and says so on the standard error; or when its task is cancelled, as a test's is by its time limit.
    ///
    /// - Parameters:
    ///   - step: How far the clock goes at a time.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - condition: Called before each step.
    public func advance(
        inStepsOf step: Duration = .seconds(1),
        file: StaticString = #fileID,
        line: UInt = #line,
        until condition: () -> Bool
    ) async {
        await reporting {
            try await advance(
                "a condition",
                inStepsOf: step,
                within: .seconds(120),
                file: file,
                line: line,
                until: condition
            )
        }
    }
}

private func notMet(_ expectation: String, _ limit: Duration, _ file: StaticString, _ line: UInt) -> ConditionNotMet {
    ConditionNotMet(description: "\(file):\(line): waited \(limit) in vain for: \(expectation)")
}

/// Runs a wait, and prints why it ended in vain.
private func reporting(_ wait: () async throws -> Void) async {
    do {
        try await wait()
    } catch {
        if let error = error as? ConditionNotMet { printError("\(error)\n") }
    }
}
