// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    /// Suspends the task until its continuation is resumed, with a handler for its cancellation.
    ///
    /// A caller that is on an actor has to have the closure that `withTaskCancellationHandler` runs there too: otherwise that would go to a
    /// thread of the cooperative pool, and the caller would come back from there. A closure on an actor makes sure of its executor at each
    /// step, which for a task with a preferred one takes a lock. Most callers are on no actor; they have a closure of their own,
    /// which saves two of six such looks.
    ///
    /// - Parameters:
    ///   - body: Gets the continuation, which has to be resumed once.
    ///   - handler: Called if the task is cancelled, or is so already; before this function has returned.
    /// - Returns: What the continuation is resumed with.
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

    /// As `withCancellableContinuation`, on an actor. Not inlined, so that who is on none has no room for it.
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
