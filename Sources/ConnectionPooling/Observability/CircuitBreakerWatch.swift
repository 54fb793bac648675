// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Converts observations of the circuit breaker's state to transitions. Each transition is
/// reported once.
final class BreakerWatch: Sendable {
    enum Change: Hashable {
        case opened
        /// The breaker closed after this number of nanoseconds.
        case closed(after: UInt64)
    }

    private let isOpen = Atomic(false)
    /// The instant at which the breaker opened. Locked while the state changes.
    private let openedAt = Locked<UInt64>(0)

    /// Records the current state of the breaker.
    ///
    /// - Returns: The transition; `nil` if the state has not changed.
    func note(isOpen: Bool, at now: UInt64) -> Change? {
        if self.isOpen.load(ordering: .relaxed) == isOpen { return nil }
        return openedAt.withLock { openedAt -> Change? in
            if self.isOpen.exchange(isOpen, ordering: .relaxed) == isOpen { return nil }
            if !isOpen { return .closed(after: now > openedAt ? now - openedAt : 0) }
            openedAt = now
            return .opened
        }
    }
}
