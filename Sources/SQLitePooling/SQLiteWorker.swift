// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What the pool pools: a connection with its thread. Whoever has checked it out is its only user.
@safe
final class SQLiteWorker: Sendable {
    private let thread: ConnectionThread
    private let interruption = Interruption()
    private let mayBeUsedAgain = Atomic(true)

    // Only jobs touch it, which run on the thread, one after another.
    private nonisolated(unsafe) var session: Session?

    /// Starts the thread, without a connection yet.
    ///
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(name: String) throws(SQLiteError) {
        thread = try ConnectionThread(name: name)
    }

    deinit {
        // Never closed: the last job is to do that.
        guard let session = unsafe session else { return }
        nonisolated(unsafe) let abandoned = session
        thread.submit { unsafe abandoned.close() }
    }

    /// Whether the last body has left the connection in order.
    var isReusable: Bool { mayBeUsedAgain.load(ordering: .acquiring) }

    /// Opens the connection, on its thread.
    ///
    /// - Parameter opening: Makes the session.
    func open(_ opening: @escaping @Sendable (Interruption) throws(SQLiteError) -> Session) async throws(SQLiteError) {
        let failure = await withCheckedContinuation { (opened: CheckedContinuation<SQLiteError?, Never>) in
            thread.submit { [self] in
                do throws(SQLiteError) {
                    unsafe session = try opening(interruption)
                    opened.resume(returning: nil)
                } catch {
                    opened.resume(returning: error)
                }
            }
        }
        if let failure { throw failure }
    }

    /// Runs a body on the thread. Suspends until it has run.
    ///
    /// When the task is cancelled, the body's statement is interrupted.
    ///
    /// - Throws: What the body throws; `CancellationError` if the task was cancelled in time; `SQLiteError`.
    func run<Value>(_ job: Job<Value>) async throws -> sending Value {
        let ticket = interruption.issueTicket()
        await withTaskCancellationHandler {
            await Resumption.wait { ran in
                thread.submit { [self] in
                    job.run(ticket, in: unsafe session)
                    mayBeUsedAgain.store(unsafe session?.isSpent == false, ordering: .releasing)
                    ran.resume()
                }
            }
        } onCancel: {
            interruption.cancel(ticket)
        }
        return try job.takeOutcome()
    }

    /// Closes the connection, on its thread, which ends with the object.
    func close() async {
        await withCheckedContinuation { closed in
            thread.submit { [self] in
                unsafe session?.close()
                unsafe session = nil
                closed.resume()
            }
        }
    }
}
