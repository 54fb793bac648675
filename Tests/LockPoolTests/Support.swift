// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockPool

/// Yields until `condition` holds.
func until(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
}

extension LockPool where Element: ~Copyable {
    /// Whether `tryReserve` finds a vacant slot.
    var hasVacancy: Bool {
        guard case .none = tryReserve() else { return true }
        return false
    }
}

/// Runs `body` on a thread of its own, without a slot hint, and waits for its end.
func onFreshThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Counts the living instances of `Tracked`.
final class Census: Sendable {
    private let count = NSLockBox(0)
    var living: Int { count.value }
    fileprivate func add(_ amount: Int) { count.value += amount }
}

/// An element whose loss or double destruction is detected.
final class Tracked: Sendable {
    let number: Int
    private let census: Census

    init(_ number: Int = 0, in census: Census) {
        self.number = number
        self.census = census
        census.add(1)
    }

    deinit { census.add(-1) }
}

/// A value behind a lock.
final class NSLockBox<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value

    init(_ value: Value) { stored = value }

    var value: Value {
        get { lock.withLock { stored } }
        _modify {
            lock.lock()
            defer { lock.unlock() }
            yield &stored
        }
    }
}
