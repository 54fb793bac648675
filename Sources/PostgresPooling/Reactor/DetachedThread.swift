// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

/// Threads for calls that block: they have no other place where tasks run.
enum HelperThread {
    /// In bytes. Name services and TLS libraries use much of it; only what is used becomes memory.
    private static var stackSize: Int { 1 << 20 }

    /// As much as main threads have.
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
    ///   - name: Its name.
    ///   - runsTasks: Whether any code may run there: then it has a stack and signals as other threads have.
    ///   - body: What it runs.
    /// - Returns: Whether there is such a thread.
    static func start(name: String, runsTasks: Bool = false, _ body: @escaping @Sendable () -> Void) -> Bool {
        let work = unsafe Unmanaged.passRetained(Work(name: name, runsTasks: runsTasks, body: body))
        let code = unsafe lockpool_thread_start(
            { context in
                let work = unsafe Unmanaged<Work>.fromOpaque(context!).takeRetainedValue()
                unsafe lockpool_thread_name(work.name)
                // libpq's request to end a statement is sent without the flag that its other sends have for that.
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

    /// Runs `body` on a thread of its own and suspends until it has returned.
    ///
    /// - Returns: What `body` returns; `nil` if there is no such thread.
    static func run<Value: Sendable>(name: String, _ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            let isStarted = start(name: name) { continuation.resume(returning: body()) }
            if !isStarted { continuation.resume(returning: nil) }
        }
    }
}
