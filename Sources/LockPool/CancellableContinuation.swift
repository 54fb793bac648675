// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    /// Suspends the task until its continuation is resumed, with a handler for its cancellation.
    ///
    /// For a caller on an actor, the closure that `withTaskCancellationHandler` runs is isolated
    /// to that actor. Otherwise the closure would run on a thread of the cooperative pool, and
    /// the caller would have to return from there. A closure on an actor checks its executor at
    /// each step, which takes a lock for a task with a preferred executor. Most callers are on no
    /// actor. They have a closure of their own, which saves two of six checks.
    ///
    /// - Parameters:
    ///   - body: Receives the continuation, which must be resumed once.
    ///   - handler: Called if the task is or becomes cancelled, before this function returns.
    /// - Returns: The value that the continuation is resumed with.
    @inlinable
    @inline(__always)
    package nonisolated(nonsending) func withCancellableContinuation<Value: Sendable>(
        _ body: @Sendable (UnsafeContinuation<Value, Never>) -> Void,
        onCancel handler: @Sendable () -> Void
    ) async -> Value {
        let isolation = #isolation
        if let isolation { return await unsafe suspend(on: isolation, body, onCancel: handler) }
        return await withTaskCancellationHandler(
            operation: { await unsafe withUnsafeContinuation { unsafe body($0) } },
            onCancel: handler,
            isolation: nil
        )
    }

    /// The form of `withCancellableContinuation` for an actor. Not inlined: callers on no actor
    /// need no stack space for it.
    @inlinable
    @inline(never)
    func suspend<Value: Sendable>(
        on actor: isolated any Actor,
        _ body: @Sendable (UnsafeContinuation<Value, Never>) -> Void,
        onCancel handler: @Sendable () -> Void
    ) async -> Value {
        await withTaskCancellationHandler(
            operation: {
                _ = actor
                return await unsafe withUnsafeContinuation { unsafe body($0) }
            },
            onCancel: handler
        )
    }

#endif
