// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling

/// A thread that reads long answers in place of the reactor's thread.
///
/// The scheduler gives a processor at once to a thread that mostly sleeps, and lets a thread that computes without a pause wait
/// for some milliseconds. The reactor's thread therefore reads only the beginning of an answer: short answers do not wait behind
/// long ones. The thread ends when it has had nothing to read for a second.
final class AnswerReader: Sendable {
    @safe
    private struct Queue: @unchecked Sendable {
        /// The links that have more to read, each once.
        var links: [Link] = []
        var isRunning = false
        /// Where the thread sleeps, while it does.
        var sleeper: UnsafeMutablePointer<lockpool_parker>?
    }

    private let queue = Locked(Queue())

    /// Has the thread take a turn of reading with a link, and further turns while there is more to read.
    ///
    /// - Returns: Whether there is such a thread. If not, the link is not added.
    func add(_ link: Link) -> Bool {
        queue.withLock { queue in
            // Under the lock, so that no link is added for a thread that does not start.
            if !queue.isRunning { queue.isRunning = HelperThread.start(name: "postgres-read") { [self] in run() } }
            if !queue.isRunning { return false }
            if !queue.links.contains(where: { $0 === link }) { queue.links.append(link) }
            // Under the lock as well: the thread takes it before it leaves the memory where it sleeps.
            if let sleeper = unsafe queue.sleeper { unsafe lockpool_parker_wake(sleeper, 0) }
            unsafe queue.sleeper = nil
            return true
        }
    }

    private func run() {
        // The links that take another turn.
        var reading: [Link] = []
        while let new = takeQueued(maySleep: reading.isEmpty) {
            for link in new where !reading.contains(where: { $0 === link }) { reading.append(link) }
            reading.removeAll { $0.takeTurn(isReported: false, isForLongAnswer: true) != .unfinished }
        }
    }

    /// Takes the links out of the queue.
    ///
    /// - Parameter maySleep: Whether to wait for a link if there is none.
    /// - Returns: The links; `nil` if the thread is to end.
    private func takeQueued(maySleep: Bool) -> [Link]? {
        unsafe withUnsafeTemporaryAllocation(of: lockpool_parker.self, capacity: 1) { buffer in
            let parker = buffer.baseAddress!
            let links = queue.withLock { queue in
                defer { queue.links = [] }
                if queue.links.isEmpty, maySleep {
                    unsafe lockpool_parker_init(parker)
                    unsafe queue.sleeper = parker
                }
                return queue.links
            }
            if !links.isEmpty || !maySleep { return links }
            defer { unsafe lockpool_parker_destroy(parker) }
            var wakeup = 0
            _ = unsafe lockpool_parker_wait(parker, AnswerReader.longestSleep, &wakeup)
            return queue.withLock { queue in
                unsafe queue.sleeper = nil
                queue.isRunning = !queue.links.isEmpty
                defer { queue.links = [] }
                return queue.links.isEmpty ? nil : queue.links
            }
        }
    }

    /// In nanoseconds.
    private static var longestSleep: UInt64 { 1_000_000_000 }
}
