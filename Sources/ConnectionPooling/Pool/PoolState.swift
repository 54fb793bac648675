// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// The behavior of a ``ConnectionPool`` toward its callers.
public enum PoolState: Hashable, Sendable, CustomStringConvertible {
    /// The pool serves callers.
    case accepting
    /// Callers wait until `resume()`.
    case suspended
    /// The pool shuts down: it refuses new callers and serves those that waited before.
    case draining
    /// The pool refuses all callers.
    case closed

    /// The state's name.
    public var description: String {
        switch self {
        case .accepting: "accepting"
        case .suspended: "suspended"
        case .draining: "draining"
        case .closed: "closed"
        }
    }
}

extension ConnectionPool {
    /// The pool's current state for callers. O(1).
    public var state: PoolState {
        if lockPool.isClosed { return .closed }
        return switch context.checkoutState.load(ordering: .sequentiallyConsistent) {
        case CheckoutState.accepting: .accepting
        case CheckoutState.suspended: .suspended
        default: .draining
        }
    }
}

/// The states of a pool for its callers.
///
/// Integers rather than an enum: the inlined fast path compares them, and the conversion of an
/// enum's raw value is not inlinable in other modules.
@usableFromInline
enum CheckoutState {
    @usableFromInline static let accepting = 0
    /// Callers wait, even if a connection is idle.
    static let suspended = 1
    /// New callers are refused.
    @usableFromInline static let draining = 2
}
