// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

/// The error of a wait for a condition that did not come true.
public struct ConditionNotMet: Error, CustomStringConvertible {
    /// The condition, the call site and the duration of the wait.
    public let description: String
}

/// Lets other tasks run until `condition` holds, for a condition without notification.
///
/// - Parameters:
///   - expectation: A description of the condition, for the error.
///   - limit: The longest wait, by the system's clock. A bound for hangs, not a measurement.
///   - file: The file of the call site.
///   - line: The line of the call site.
///   - condition: Evaluated repeatedly.
/// - Throws: ``ConditionNotMet`` after `limit`; `CancellationError` if the task is cancelled.
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

/// Lets other tasks run until `condition` holds, as the throwing `eventually`, for this package's
/// tests, which check the outcome themselves.
///
/// Gives up after two minutes with a message on the standard error, or when its task is
/// cancelled, for example by the test's time limit. It is no part of the public API because a test
/// that checks nothing afterwards would pass.
///
/// - Parameters:
///   - file: The file of the call site.
///   - line: The line of the call site.
///   - condition: Evaluated repeatedly.
package func eventually(
    file: StaticString = #fileID,
    line: UInt = #line,
    _ condition: () -> Bool
) async {
    await reporting { try await eventually("a condition", within: .seconds(120), file: file, line: line, condition) }
}

extension ManualClock {
    /// Advances the clock in steps until `condition` holds, and lets other tasks run after each
    /// step.
    ///
    /// A pool's maintenance runs when a connection is due, so an advance by an hour causes one
    /// run. This method takes the pool through every second. Other tasks run for a millisecond
    /// after each step, or until the condition holds, and for longer while no task sleeps on the
    /// clock.
    ///
    /// - Parameters:
    ///   - expectation: A description of the condition, for the error.
    ///   - step: The duration of a step.
    ///   - limit: The longest wait, by the system's clock. A bound for hangs, not a measurement.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - condition: Evaluated before each step.
    /// - Throws: ``ConditionNotMet`` after `limit`; `CancellationError` if the task is cancelled.
    public func advance(
        _ expectation: String,
        inStepsOf step: Duration = .seconds(1),
        within limit: Duration = .seconds(60),
        file: StaticString = #fileID,
        line: UInt = #line,
        until condition: () -> Bool
    ) async throws {
        try await advance(expectation, step, within: limit, pause: .milliseconds(1), file, line, until: condition)
    }

    private func advance(
        _ expectation: String,
        _ step: Duration,
        within limit: Duration,
        pause: Duration?,
        _ file: StaticString,
        _ line: UInt,
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
            // A woken thread may wait for a processor: without a pause, the clock would run ahead.
            if let pause, !condition() { try await Task.sleep(for: pause) }
        }
    }

    /// Advances the clock in steps until `condition` holds, as the throwing `advance`, for this
    /// package's tests, which check the outcome themselves.
    ///
    /// Gives up after two minutes with a message on the standard error, or when its task is
    /// cancelled, for example by the test's time limit.
    ///
    /// - Parameters:
    ///   - step: The duration of a step.
    ///   - pause: The real time for which other threads run after a step; `nil` for a condition
    ///     that only the clock fulfills.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - condition: Evaluated before each step.
    package func advance(
        inStepsOf step: Duration = .seconds(1),
        pause: Duration? = .milliseconds(1),
        file: StaticString = #fileID,
        line: UInt = #line,
        until condition: () -> Bool
    ) async {
        await reporting {
            try await advance("a condition", step, within: .seconds(120), pause: pause, file, line, until: condition)
        }
    }
}

private func notMet(_ expectation: String, _ limit: Duration, _ file: StaticString, _ line: UInt) -> ConditionNotMet {
    ConditionNotMet(description: "\(file):\(line): waited \(limit) in vain for: \(expectation)")
}

/// Runs a wait, and prints its error.
private func reporting(_ wait: () async throws -> Void) async {
    do {
        try await wait()
    } catch {
        if let error = error as? ConditionNotMet { printError("\(error)\n") }
    }
}
