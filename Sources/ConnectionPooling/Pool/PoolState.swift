// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// What a ``ConnectionPool`` does with callers that ask for a connection.
public enum PoolState: Hashable, Sendable, CustomStringConvertible {
    /// It serves them.
    case accepting
    /// It lets them wait until `resume()`.
    case suspended
    /// It refuses them, because it shuts down, and serves those that waited before.
    case draining
    /// It refuses them, and serves no caller any more.
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
    /// What the pool does with callers now. O(1).
    public var state: PoolState {
        if lockPool.isClosed { return .closed }
        return switch context.gate.load(ordering: .sequentiallyConsistent) {
        case Gate.open: .accepting
        case Gate.suspended: .suspended
        default: .draining
        }
    }
}
