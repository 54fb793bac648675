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

/// A thread for one connection, which takes one piece of work at a time.
///
/// The thread ends with the object, after the work that it has then.
final class ConnectionThread: Sendable {
    /// In bytes, as much as a main thread has. Only what is used of it becomes memory.
    ///
    /// SQLite's deepest recursion is the matching of `LIKE` patterns, which may be 50,000 characters long, may come from
    /// anybody, and then take between two and four mebibytes.
    private static let stackSize = 8 << 20

    private let mailbox: Mailbox

    /// Starts a thread.
    ///
    /// - Parameter name: What debuggers show; Linux has room for 15 bytes.
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(name: String) throws(SQLiteError) {
        mailbox = Mailbox(name: name)
        // The thread is detached: it ends by itself, and nobody waits for it. It releases the mailbox that it is given.
        let code = unsafe lockpool_thread_start(
            { unsafe ConnectionThread.run($0!) },
            Unmanaged.passRetained(mailbox).toOpaque(),
            Self.stackSize
        )
        guard code == 0 else {
            unsafe Unmanaged.passUnretained(mailbox).release()
            let reason = unsafe String(cString: strerror(code))
            throw SQLiteError(.threadUnavailable, "no thread for a connection: \(reason)")
        }
    }

    deinit { mailbox.end() }

    /// Has the thread do some work. What was submitted before must have been begun.
    ///
    /// - Returns: Whether the thread is awake, so that it begins at once.
    @discardableResult
    func submit(_ work: Work) -> Bool { mailbox.put(work) }

    /// The work that has been submitted since the present one was begun, if it is there already. To be called on the thread.
    func nextIfAny() -> Work? { mailbox.takeIfAny() }

    /// The work that has been submitted since the present one was begun; waits for it a little. To be called on the thread.
    func nextSoon() -> Work? { mailbox.takeSoon(while: { true }) }

    private static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let mailbox = unsafe Unmanaged<Mailbox>.fromOpaque(argument).takeRetainedValue()
        unsafe lockpool_thread_name(mailbox.name)
        var next: Work?
        while let work = next ?? mailbox.take() { next = work.run() }
        return nil
    }
}

/// Something for a connection's thread to do.
class Work: @unchecked Sendable {
    /// Does it. Called once, on the thread.
    ///
    /// - Returns: What the thread has been given meanwhile, where this has found it in the mailbox.
    func run() -> Work? { preconditionFailure("Each kind of work says what it is.") }
}

/// Work that is a closure.
final class Errand: Work, @unchecked Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    override func run() -> Work? {
        body()
        return nil
    }
}
