// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The causes of refusals, from the refusal of waiters until they read their cause.
///
/// A refused waiter is resumed with a number only, and its task may run after the next attempt
/// has succeeded or failed. The number identifies the cause of this refusal.
final class RefusalCauses: Sendable {
    private struct Entry {
        let cause: any Error
        var readers: Int
    }

    private struct State {
        var lastNumber = 0
        var entries: [Int: Entry] = [:]

        mutating func drop(_ number: Int) -> (any Error)? {
            guard var entry = entries[number] else { return nil }
            entry.readers -= 1
            entries[number] = entry.readers > 0 ? entry : nil
            return entry.cause
        }
    }

    private let state = Locked(State())

    /// The number of causes that at least one refused waiter has not read.
    var count: Int { state.withLock { $0.entries.count } }

    /// Refuses waiters with one cause.
    ///
    /// - Parameters:
    ///   - limit: The largest number of refused waiters.
    ///   - refuseOldest: Refuses the longest-waiting caller with a number, and returns whether a
    ///     caller waited. The refused caller passes the number to ``take(_:)``.
    func refuse(_ cause: any Error, atMost limit: Int, _ refuseOldest: (_ number: Int) -> Bool) {
        let number = state.withLock { state in
            state.lastNumber += 1
            state.entries[state.lastNumber] = Entry(cause: cause, readers: 1)
            return state.lastNumber
        }
        var count = 0
        while count < limit {
            // Before the waiter can read the cause.
            state.withLock { $0.entries[number]?.readers += 1 }
            if refuseOldest(number) {
                count += 1
            } else {
                _ = state.withLock { $0.drop(number) }
                break
            }
        }
        _ = state.withLock { $0.drop(number) }
    }

    /// Returns the cause of a refusal, once for each refused waiter; `nil` for the number 0,
    /// which identifies no refusal.
    func take(_ number: Int) -> (any Error)? { state.withLock { $0.drop(number) } }
}
