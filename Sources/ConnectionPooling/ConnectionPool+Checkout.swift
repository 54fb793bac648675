// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

extension ConnectionPool {
    /// Lends a connection to `body`.
    ///
    /// `body` runs in the caller's task, on its actor. Suspends only if no connection is idle, or somebody waits.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled
    ///   while it waited, else ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        _ body: (borrowing Factory.Connection) async throws -> sending Result
    ) async throws -> sending Result {
        let lease = try await checkOut(timeout: timeout)
        return try await body(lease.connection)
    }

    /// Checks a connection out, for a use that does not fit into one closure.
    ///
    /// - Parameter timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    /// - Returns: A lease, which gives the connection back when it ends.
    /// - Throws: ``PoolError``, with the code `cancelled` if the task was cancelled while it waited.
    @inlinable
    public func getOrCreate(timeout: Duration? = nil) async throws(PoolError) -> ConnectionLease<Factory> {
        if let lease = tryGet() { return lease }
        return try await waitForConnection(timeout: timeout)
    }

    /// Checks out a connection if one is idle and nobody waits. Makes none.
    ///
    /// - Returns: A lease, or `nil`.
    @inlinable
    public func tryGet() -> ConnectionLease<Factory>? {
        guard let lease = lockPool.tryGet() else { return nil }
        return ConnectionLease(lease, of: self)
    }

    /// As `getOrCreate`, with the error of the language for a cancelled task.
    @inlinable
    func checkOut(timeout: Duration?) async throws -> ConnectionLease<Factory> {
        if let lease = tryGet() { return lease }
        do {
            return try await waitForConnection(timeout: timeout)
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            throw error
        }
    }

    @usableFromInline
    func waitForConnection(timeout: Duration?) async throws(PoolError) -> ConnectionLease<Factory> {
        do {
            let lease = try await lockPool.get(timeout: timeout ?? configuration.checkoutTimeout)
            return ConnectionLease(lease, of: self)
        } catch {
            let code = PoolError.Code(error.code)
            let underlying: (any Error)? =
                switch code {
                case .connectFailed: growth.takeFailure()
                case .timedOut, .tooManyWaiters: growth.lastFailure
                default: nil
                }
            throw PoolError(
                code,
                pool: configuration.name,
                status: status,
                underlying: underlying
            )
        }
    }
}

extension PoolError.Code {
    fileprivate init(_ code: LockPoolError.Code) {
        self =
            switch code {
            case .timedOut: .timedOut
            case .tooManyWaiters: .tooManyWaiters
            case .cancelled: .cancelled
            case .closed: .closed
            default: .connectFailed
            }
    }
}
