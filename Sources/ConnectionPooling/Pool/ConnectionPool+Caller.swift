// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
internal import LockPool

// Checkouts for pools on top of this one. Their leases have the call sites of their own callers.

extension Caller {
    /// Creates a call site of the calling task, which itself keeps and returns the connection.
    /// The pool refuses a nested checkout of that task that would deadlock.
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
    /// Checks out a connection for a call site, as ``getOrCreate(timeout:file:line:)``.
    @inlinable
    package func getOrCreate(
        timeout: Duration?,
        for caller: Caller
    ) async throws(PoolError) -> ConnectionLease<Factory> {
        if let idle = takeIdle(caller) { return ConnectionLease(idle, of: self) }
        return ConnectionLease(try await waitForConnection(timeout: timeout, caller), of: self)
    }

    /// Checks out an idle connection for a call site, as ``tryGet(file:line:)``.
    @inlinable
    package func tryGet(for caller: Caller) -> ConnectionLease<Factory>? {
        guard let idle = takeIdle(caller) else { return nil }
        return ConnectionLease(idle, of: self)
    }
}
