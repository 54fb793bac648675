// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
internal import LockPool

// Checkouts for pools that stand on this one. Their leases name the call sites of their own callers.

extension Caller {
    /// A call site in the calling task, which keeps the connection and gives it back itself: the pool refuses a nested checkout of
    /// that task that would wait for itself.
    ///
    /// - Parameters:
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    @inlinable
    @inline(__always)
    package init(inThisTask file: StaticString, _ line: UInt) {
        self.init(file, line, task: lockpool_current_task())
    }
}

extension ConnectionPool {
    /// Checks a connection out for a caller, as ``getOrCreate(timeout:file:line:)`` does.
    @inlinable
    package func getOrCreate(
        timeout: Duration?,
        for caller: Caller
    ) async throws(PoolError) -> ConnectionLease<Factory> {
        if let idle = takeIdle(caller) { return ConnectionLease(idle, of: self) }
        return ConnectionLease(try await waitForConnection(timeout: timeout, caller), of: self)
    }

    /// Checks out an idle connection for a caller, as ``tryGet(file:line:)`` does.
    @inlinable
    package func tryGet(for caller: Caller) -> ConnectionLease<Factory>? {
        guard let idle = takeIdle(caller) else { return nil }
        return ConnectionLease(idle, of: self)
    }
}
