// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread of one connection, which runs one work item at a time.
///
/// The thread ends after the object is released and the submitted work item has run. A connection
/// of ``SharedThreads`` has no thread of its own, but one of them while it has work.
final class ConnectionThread: Sendable {
    /// The size of the stack in bytes, as large as a main thread's. Only the used part becomes
    /// memory.
    ///
    /// SQLite's deepest recursion is the matching of `LIKE` patterns. A pattern may have 50,000
    /// characters, may come from untrusted input, and then takes between two and four mebibytes.
    static let stackSize = 8 << 20

    private let mailbox: Mailbox

    /// Starts a thread.
    ///
    /// - Parameter name: The name that debuggers show; Linux keeps 15 bytes of it.
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(name: String) throws(SQLiteError) {
        mailbox = Mailbox(name: name, threads: nil)
        // The thread is detached: no other thread joins it. It releases its reference to the
        // mailbox.
        let code = unsafe lockpool_thread_start(
            { unsafe ConnectionThread.run($0!) },
            Unmanaged.passRetained(mailbox).toOpaque(),
            Self.stackSize
        )
        guard code == 0 else {
            unsafe Unmanaged.passUnretained(mailbox).release()
            throw Self.unavailable(code)
        }
    }

    /// Creates a thread that `threads` represent.
    ///
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(sharing threads: SharedThreads) throws(SQLiteError) {
        mailbox = Mailbox(name: "", threads: threads)
        try threads.addMailbox()
    }

    deinit {
        mailbox.end()
        mailbox.threads?.removeMailbox()
    }

    /// Returns the error of a thread that could not be started.
    static func unavailable(_ code: Int32, for user: String = "a connection") -> SQLiteError {
        let reason = unsafe String(cString: strerror(code))
        return SQLiteError(.threadUnavailable, "no thread for \(user): \(reason)")
    }

    /// Submits a work item. The thread must have begun the previous item.
    ///
    /// - Returns: Whether the thread is awake, so that it begins the item immediately.
    @discardableResult
    func submit(_ item: WorkItem) -> Bool { mailbox.put(item) }

    /// Returns the item that was submitted since the current one began, or `nil`. Called on the
    /// thread.
    func tryNext() -> WorkItem? { mailbox.tryTake() }

    /// Returns the item that was submitted since the current one began; polls for it briefly.
    /// Called on the thread.
    func pollNext() -> WorkItem? { mailbox.pollForItem(while: { true }) }

    private static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let mailbox = unsafe Unmanaged<Mailbox>.fromOpaque(argument).takeRetainedValue()
        unsafe lockpool_thread_name(mailbox.name)
        mailbox.serve()
        return nil
    }
}

/// A work item for the thread of a connection.
class WorkItem: @unchecked Sendable {
    /// Runs the item. Called once, on the thread.
    ///
    /// - Returns: The next item, if this one has already taken it from the mailbox.
    func run() -> WorkItem? { preconditionFailure("A subclass overrides run().") }
}

/// A work item that runs a closure.
final class ClosureWorkItem: WorkItem, @unchecked Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    override func run() -> WorkItem? {
        body()
        return nil
    }
}
