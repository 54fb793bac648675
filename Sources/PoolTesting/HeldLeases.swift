// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// Leases that a test holds. A lease is noncopyable, so an array cannot hold leases.
///
/// ```swift
/// let held = HeldLeases<ScriptedFactory>()
/// try await held.lease(3, of: pool)
/// held.releaseFirst()
/// ```
///
/// The end of the object releases the leases that it still holds.
public final class HeldLeases<Factory: ConnectionFactory>: Sendable {
    private let leases = Locked<[Handoff<ConnectionLease<Factory>>]>([])

    /// Creates an object without leases.
    public init() {}

    /// The number of leases that are held.
    public var count: Int { leases.withLock { $0.count } }

    /// Holds a lease.
    public func hold(_ lease: consuming ConnectionLease<Factory>) {
        let held = Handoff(lease)
        leases.withLock { $0.append(held) }
    }

    /// Checks out connections, one after another, and holds them.
    ///
    /// - Parameters:
    ///   - count: The number of connections.
    ///   - pool: The pool.
    ///   - timeout: The longest wait for each; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    /// - Throws: `PoolError` of the first checkout that fails. The leases before it stay held.
    public func lease(
        _ count: Int,
        of pool: ConnectionPool<Factory>,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws(PoolError) {
        for _ in 0..<count { hold(try await pool.getOrCreate(timeout: timeout, file: file, line: line)) }
    }

    /// Removes the lease that has been held for the longest time.
    ///
    /// - Returns: The lease; `nil` if none is held.
    public func takeFirst() -> ConnectionLease<Factory>? {
        leases.withLock { $0.isEmpty ? nil : $0.removeFirst() }?.take()
    }

    /// Releases the lease that has been held for the longest time, if there is one.
    public func releaseFirst() { takeFirst()?.release() }

    /// Releases all leases, in the order in which they were held.
    public func releaseAll() { while let lease = takeFirst() { lease.release() } }
}
