// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    /// Suspends the task until its continuation is resumed, with a handler for its cancellation.
    ///
    /// The closure that `withTaskCancellationHandler` runs has to be on the caller's actor, if that has one: by itself it would go to a thread
    /// of the cooperative pool, and the caller would come back from there. A closure on an actor makes sure of that before and
    /// behind each step, and each time asks for the task's preferred executor. Most callers are on no actor, so they have a closure of
    /// their own, which saves a third of that.
    ///
    /// - Parameters:
    ///   - body: Gets the continuation, which has to be resumed once.
    ///   - handler: Called once if the task is cancelled, or is so already; before this function has returned.
    /// - Returns: What the continuation is resumed with.
    @inlinable
    @inline(__always)
    package func withCancellableContinuation<Value: Sendable>(
        _ body: @Sendable (UnsafeContinuation<Value, Never>) -> Void,
        onCancel handler: @Sendable () -> Void
    ) async -> Value {
        let isolation = #isolation
        if let isolation { return await unsafe withCancellableContinuation(on: isolation, body, onCancel: handler) }
        return await withTaskCancellationHandler(
            operation: { await unsafe withUnsafeContinuation { unsafe body($0) } },
            onCancel: handler,
            isolation: nil
        )
    }

    @inlinable
    @inline(never)
    package func withCancellableContinuation<Value: Sendable>(
        on actor: isolated any Actor,
        _ body: @Sendable (UnsafeContinuation<Value, Never>) -> Void,
        onCancel handler: @Sendable () -> Void
    ) async -> Value {
        await withTaskCancellationHandler {
            _ = actor
            return await unsafe withUnsafeContinuation { unsafe body($0) }
        } onCancel: {
            handler()
        }
    }

#endif
