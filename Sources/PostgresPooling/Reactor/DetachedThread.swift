// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

/// Threads for calls that block. They do not occupy the threads that run tasks.
enum DetachedThread {
    /// In bytes. Name services and TLS libraries use much of it. Only the used part becomes
    /// resident.
    private static var stackSize: Int { 1 << 20 }

    /// The usual stack size of a main thread.
    private static var stackSizeForTasks: Int { 8 << 20 }

    private final class Work: Sendable {
        let name: String
        let runsTasks: Bool
        let body: @Sendable () -> Void

        init(name: String, runsTasks: Bool, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.runsTasks = runsTasks
            self.body = body
        }
    }

    /// Starts a thread that runs `body` and ends.
    ///
    /// - Parameters:
    ///   - name: The thread's name.
    ///   - runsTasks: Whether arbitrary code may run on it. The thread then has the usual stack
    ///     size and signal mask.
    ///   - body: The code to run.
    /// - Returns: Whether the thread could be started.
    static func start(name: String, runsTasks: Bool = false, _ body: @escaping @Sendable () -> Void) -> Bool {
        let work = unsafe Unmanaged.passRetained(Work(name: name, runsTasks: runsTasks, body: body))
        let code = unsafe lockpool_thread_start(
            { context in
                let work = unsafe Unmanaged<Work>.fromOpaque(context!).takeRetainedValue()
                unsafe lockpool_thread_name(work.name)
                // libpq sends a cancel request without the flag that suppresses SIGPIPE in its
                // other sends.
                if !work.runsTasks { lockpool_thread_block_broken_pipe() }
                work.body()
                return nil
            },
            work.toOpaque(),
            runsTasks ? stackSizeForTasks : stackSize
        )
        if code != 0 { unsafe work.release() }
        return code == 0
    }

    /// Runs `body` on a thread of its own, and suspends until it has returned.
    ///
    /// - Returns: The result of `body`; `nil` if the thread could not be started.
    static func run<Value: Sendable>(name: String, _ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            let isStarted = start(name: name) { continuation.resume(returning: body()) }
            if !isStarted { continuation.resume(returning: nil) }
        }
    }
}
