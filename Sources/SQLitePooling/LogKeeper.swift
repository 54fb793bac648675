// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import Synchronization

/// Puts the log into the database file while the writer goes on, on a connection and a thread of its own.
///
/// Most of a checkpoint is waiting for the disk. What is written meanwhile is copied in further passes, each shorter than the
/// one before. The last pass is the writer's: the log can begin anew only when all of it is copied and nobody adds to it.
///
/// SQLite lets one connection at a time make a checkpoint, beside readers and a writer.
@safe
final class LogKeeper: @unsafe @unchecked Sendable {
    /// So many passes are made at most.
    private static let passes = 4
    /// So few pages are left to the writer.
    private static let rest: Int32 = 400

    private let thread: ConnectionThread
    private let opening: @Sendable () throws(SQLiteError) -> Session
    private let state = Atomic(State.idle)

    private enum State {
        static let idle: UInt8 = 0
        static let working: UInt8 = 1
        /// At work, and the writer waits for the end of that.
        static let awaited: UInt8 = 2
        /// It has done what it can.
        static let done: UInt8 = 3
    }

    // Of the thread alone.
    private var session: Session?
    // Written before the state becomes `awaited`, and read by the thread after it has seen that.
    private var writer: Completion?

    /// Starts the thread.
    ///
    /// - Parameter opening: Opens the connection, when it is first needed.
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(opening: @escaping @Sendable () throws(SQLiteError) -> Session) throws(SQLiteError) {
        thread = try ConnectionThread(name: "sqlite-log")
        self.opening = opening
    }

    // MARK: For the writer

    /// Has the thread begin, unless it is at work, or has done what is not accepted yet.
    func begin() {
        guard state.load(ordering: .relaxed) == State.idle else { return }
        state.store(State.working, ordering: .relaxed)
        thread.submit(Errand { [self] in work() })
    }

    /// Whether the rest is the writer's.
    var isDone: Bool { state.load(ordering: .relaxed) == State.done }

    /// Lets it begin again.
    func accept() {
        if isDone { state.store(State.idle, ordering: .relaxed) }
    }

    /// Waits until it is not at work.
    func wait() {
        Completion.block { completion in
            writer = completion
            // Release: the thread sees whom to tell.
            let isAtWork = state.compareExchange(
                expected: State.working,
                desired: State.awaited,
                ordering: .acquiringAndReleasing
            ).exchanged
            if !isAtWork { completion.resume() }
        }
    }

    /// Closes the connection, and waits for that. The last that is called.
    func close() {
        wait()
        Completion.block { completion in
            thread.submit(
                Errand { [self] in
                    session?.close()
                    session = nil
                    completion.resume()
                }
            )
        }
    }

    // MARK: On its thread

    private func work() {
        if session == nil { session = try? opening() }
        // If it cannot be opened, everything is the writer's.
        if let session { unsafe copy(session.handle) }
        let before = state.exchange(State.done, ordering: .acquiringAndReleasing)
        if before == State.awaited, let writer = writer.take() { writer.resume() }
    }

    private func copy(_ handle: OpaquePointer) {
        var copied: Int32 = 0
        for _ in 0..<Self.passes {
            let (before, mode) = (copied, SQLITE_CHECKPOINT_PASSIVE)
            var length: Int32 = 0
            let code = unsafe sqlite3_wal_checkpoint_v2(handle, "main", mode, &length, &copied)
            // A pass copies what has come during the one before it, as far as no reader keeps it from that.
            if code != SQLITE_OK || copied < length || copied - before < Self.rest { return }
            if state.load(ordering: .relaxed) == State.awaited { return }
        }
    }
}
