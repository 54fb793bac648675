// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// SwiftNIO's event loops wait in the same queue as tasks and blocked threads: a turn is a promise.

import Foundation
@_spi(Callbacks) import LockPool
import NIOCore
import NIOPosix

extension LockPool where Element: Sendable {
    /// Enters the queue, and calls `body` with an element on `eventLoop`.
    ///
    /// The thread that hands over the element only fulfils the promise. The element is leased,
    /// used and released on the event loop.
    ///
    /// - Returns: The result of `body`; fails with ``LockPoolError``.
    func withElement<Result: Sendable>(
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable (Element) throws -> Result
    ) -> EventLoopFuture<Result> {
        let promise = Promise(eventLoop.makePromise(of: Turn.self))
        let context = unsafe Unmanaged.passRetained(promise)
        do throws(LockPoolError) {
            _ = try unsafe wait(context: context.toOpaque()) { context, turn in
                unsafe Unmanaged<Promise>.fromOpaque(context).takeRetainedValue().promise.succeed(Turn(rawValue: turn))
            }
        } catch {
            unsafe context.release()
            promise.promise.fail(error)
        }
        return promise.promise.futureResult.flatMapThrowing { turn in
            let lease = try unsafe self.lease(turn)
            return try body(lease.element)
        }
    }
}

/// A promise as a C function's context.
private final class Promise: Sendable {
    let promise: EventLoopPromise<Turn>
    init(_ promise: EventLoopPromise<Turn>) { self.promise = promise }
}

@main
struct EventLoops {
    static func main() async throws {
        let pool = LockPool(count: 1, maximumWaiters: 6) { _ in "the element" }
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

        // Six callers enter the queue, one after the other, while the element is leased.
        let lease = try await pool.get()
        var turns: [Task<Void, any Error>] = []
        for round in 0..<2 {
            turns.append(
                await inLine(3 * round + 1) {
                    let lease = try await pool.get()
                    print("\(3 * round + 1)  a task has \(lease.element)")
                }
            )
            turns.append(
                await inLine(3 * round + 2) {
                    try await onThread {
                        let lease = try pool.getBlocking()
                        print("\(3 * round + 2)  a blocked thread has \(lease.element)")
                    }
                }
            )
            turns.append(
                await inLine(3 * round + 3) {
                    try await pool.withElement(on: eventLoop) { element in
                        let place = eventLoop.inEventLoop ? "its own loop" : "a foreign thread"
                        print("\(3 * round + 3)  a future has \(element), on \(place)")
                    }.get()
                }
            )
        }
        let refused = pool.withElement(on: eventLoop) { _ in () }
        do { try await refused.get() } catch { print("   \(error)") }
        lease.release()
        for turn in turns { try await turn.value }

        /// Starts `body`, and returns when it is the `number`th in the queue.
        func inLine(_ number: Int, _ body: @escaping @Sendable () async throws -> Void) async -> Task<Void, any Error> {
            let task = Task { try await body() }
            while pool.waiters < number { await Task.yield() }
            return task
        }
    }

    /// Runs `body` on a separate thread, which it may block.
    static func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }
}
