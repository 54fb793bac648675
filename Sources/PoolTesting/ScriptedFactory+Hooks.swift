// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import Dispatch

extension ScriptedFactory {
    /// Returns hooks that inject the script's faults into a pool of real connections.
    ///
    /// ```swift
    /// let script = ScriptedFactory()
    /// let pool = try PostgresPool(configuration, hooks: script.hooks())
    /// script.script(.connect, [.fail(), .hang])
    /// ```
    ///
    /// - Each connection attempt performs a step of ``Operation/connect``, after the real
    ///   connection has been made. If the step fails, the attempt fails; if it hangs, the attempt
    ///   hangs.
    /// - Each hand-out of an idle or new connection performs a step of ``Operation/ping``. If the
    ///   step fails, the connection counts as lost: the pool closes and replaces it.
    /// - Each return performs a step of ``Operation/reset``. If the step fails, the connection
    ///   counts as lost while it was leased.
    ///
    /// With these hooks `tryGet` returns `nil`; see `ConnectionHooks.beforeHandOut`.
    ///
    /// - Returns: The hooks.
    public func hooks<Connection: ~Copyable & Sendable>() -> ConnectionHooks<Connection> {
        ConnectionHooks(
            afterConnect: { _ in try await self.perform(.connect) },
            beforeHandOut: { _, _ in (try? await self.perform(.ping)) != nil },
            afterReturn: { _, _ in (try? await self.perform(.reset)) == nil ? .broken : .reusable }
        )
    }

    /// Performs the next step of an operation's script as ``perform(_:)``, and blocks the thread
    /// as long as the step takes. For synchronous hooks, which run on the thread of a connection:
    ///
    /// ```swift
    /// let hooks = SQLiteHooks(
    ///     afterConnect: { _ in try script.performBlocking(.connect) },
    ///     beforeHandOut: { _, _ in (try? script.performBlocking(.ping)) != nil }
    /// )
    /// ```
    ///
    /// - Parameter operation: The operation.
    /// - Throws: The scripted error.
    @available(*, noasync, message: "use perform")
    public func performBlocking(_ operation: Operation) throws {
        let outcome = Locked<Result<Void, any Error>>(.success(()))
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            do { try await self.perform(operation) } catch { outcome.withLock { $0 = .failure(error) } }
            done.signal()
        }
        done.wait()
        try outcome.withLock { $0 }.get()
    }
}
