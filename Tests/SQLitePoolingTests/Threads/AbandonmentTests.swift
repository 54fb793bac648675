// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Testing

@testable import SQLitePooling

/// The ways to stop a call.
enum Stop: CaseIterable {
    case deadline, cancellation
}

/// A point in a body where nothing can interrupt it.
private final class Block: Sendable {
    private let meeting = Rendezvous()
    private let isReached = Locked(false)

    /// Called in the body: blocks until ``release()``.
    func wait() {
        isReached.withLock { $0 = true }
        meeting.arrive()
        meeting.wait()
    }

    func release() { meeting.release() }

    /// Makes a call whose body blocks here, stops the call, and expects that its caller is resumed
    /// while the body blocks.
    ///
    /// - Parameter call: Makes the call, with this timeout.
    /// - Returns: The block that the body waits in.
    static func stop(
        by stop: Stop,
        _ call: @escaping @Sendable (Duration?, Block) async throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async -> Block {
        var timeout = Duration.milliseconds(10)
        while true {
            let block = Block()
            let task = Task { [timeout] in
                defer { block.meeting.arrive() }
                try await call(stop == .deadline ? timeout : nil, block)
            }
            await block.meeting.arrived()
            // The deadline may pass before the body begins.
            timeout *= 2
            guard block.isReached.withLock({ $0 }) else { continue }
            if stop == .cancellation { task.cancel() }
            let result = await task.result
            let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try result.get() }
            switch stop {
            case .deadline:
                #expect((error as? SQLiteError)?.code == .timedOut, sourceLocation: sourceLocation)
            case .cancellation:
                #expect(error is CancellationError, sourceLocation: sourceLocation)
            }
            return block
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct AbandonmentTests {
    @Test("A caller is resumed immediately, also after a savepoint has committed in its call")
    func afterSavepoint() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE s (x)")
            let body = Rendezvous()
            let call = Task {
                try await pool.writeWithoutTransaction { db in
                    try db.withSavepoint { db in _ = try db.execute("INSERT INTO s VALUES (1)") }
                    body.arrive()
                    body.wait()
                }
            }
            await body.arrived()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            body.release()
            await expectNoLeases(pool)
            #expect(try await pool.query("SELECT x FROM s", as: Int.self) == [1])
        }
    }

    /// Creates a pool for a table `t (x)`, with its connections open and idle.
    func withTable(
        group: Int = 1,
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1, maximumWritesPerCommit: group)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            _ = try await pool.query("SELECT x FROM t", as: Int.self)
            await expectNoLeases(pool)
            try await body(pool)
        }
    }

    @Test("A read that cannot be interrupted resumes its caller, and keeps its connection", arguments: Stop.allCases)
    func read(stop: Stop) async throws {
        try await withTable { pool in
            let block = await Block.stop(by: stop) { timeout, block in
                try await pool.read(timeout: timeout) { _ in block.wait() }
            }
            #expect(pool.readers.status.leased == 1 && pool.readers.status.idle == 0)
            block.release()
            let next = try await pool.query("SELECT 1", as: Int.self)
            #expect(next == [1])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
            await expectNoLeases(pool)
        }
    }

    @Test(
        "An abandoned write never commits",
        arguments: Stop.allCases,
        [1, 16]
    )
    func write(stop: Stop, group: Int) async throws {
        try await withTable(group: group) { pool in
            let block = await Block.stop(by: stop) { timeout, block in
                try await pool.write(timeout: timeout) { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    block.wait()
                    // Fails, because the call is stopped.
                    _ = try? db.execute("INSERT INTO t VALUES (1)")
                }
            }
            block.release()
            try await pool.write { db in _ = try db.execute("INSERT INTO t VALUES (2)") }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("An abandoned statement outside of a transaction never commits", arguments: Stop.allCases)
    func statement(stop: Stop) async throws {
        try await withTable { pool in
            let block = await Block.stop(by: stop) { timeout, block in
                try await pool.writeWithoutTransaction(timeout: timeout) { db in
                    try withBlockingFunction(db, block) {
                        // After the function, the statement does not check for an interruption.
                        _ = try db.execute("INSERT INTO t VALUES (block())")
                    }
                }
            }
            block.release()
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
        }
    }

    @Test("A call of one statement is not stopped after its commit, and returns")
    func committedStatement() async throws {
        try await withTable { pool in
            let meeting = Rendezvous()
            let task = Task {
                try await pool.run(on: pool.writer, .statement, for: CallSite(#fileID, #line)) { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    meeting.arrive()
                    meeting.wait()
                }
            }
            await meeting.arrived()
            task.cancel()
            meeting.release()
            try await task.value
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        }
    }

    @Test("Statements that committed before a call was stopped stay, and none commits afterwards")
    func statements() async throws {
        try await withTable { pool in
            let block = await Block.stop(by: .cancellation) { _, block in
                try await pool.writeWithoutTransaction { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    block.wait()
                    _ = try db.execute("INSERT INTO t VALUES (2)")
                }
            }
            block.release()
            try await pool.execute("INSERT INTO t VALUES (3)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 3])
        }
    }

    @Test("The caller of an abandoned group member is resumed immediately, and the others commit without its changes")
    func member() async throws {
        try await withTable(group: 16) { pool in
            let gate = Rendezvous()
            let first = Task {
                try await pool.write { db in
                    gate.arrive()
                    gate.wait()
                    try db.execute("INSERT INTO t VALUES (1)")
                }
            }
            await gate.arrived()
            let third = Locked<Task<Void, any Error>?>(nil)
            let opener = Task {
                while pool.writer.status.waiting < 1 { await Task.yield() }
                third.withLock {
                    $0 = Task { try await pool.write { db in _ = try db.execute("INSERT INTO t VALUES (3)") } }
                }
                while pool.writer.status.waiting < 2 { await Task.yield() }
                gate.release()
            }
            let block = await Block.stop(by: .cancellation) { _, block in
                try await pool.write { db in
                    #expect(db.session.isShared)
                    try db.execute("INSERT INTO t VALUES (2)")
                    block.wait()
                }
            }
            block.release()
            await opener.value
            try await first.value
            try await third.withLock { $0 }?.value
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 3])
        }
    }

    @Test("The captures of an abandoned body are released when the body ends")
    func captures() async throws {
        final class Token: Sendable {}
        try await withTable { pool in
            weak var token: Token?
            let made = Locked<Token?>(Token())
            token = made.withLock { $0 }
            let block = await Block.stop(by: .cancellation) { _, block in
                let captured = made.withLock { $0.take() }
                try await pool.read { _ in withExtendedLifetime(captured) { block.wait() } }
            }
            #expect(token != nil)
            block.release()
            await expectNoLeases(pool)
            while token != nil, !Task.isCancelled { await Task.yield() }
            #expect(token == nil)
        }
    }

    @Test(
        "A write with a read after it keeps both connections while its bodies run",
        arguments: [true, false]
    )
    func writeThenRead(isInWrite: Bool) async throws {
        try await withTable { pool in
            let block = await Block.stop(by: .cancellation) { _, block in
                _ = try await pool.write { db in
                    _ = try db.execute("INSERT INTO t VALUES (1)")
                    if isInWrite { block.wait() }
                } thenRead: { _ in
                    block.wait()
                }
            }
            #expect((isInWrite ? pool.writer : pool.readers).status.leased == 1)
            block.release()
            await expectNoLeases(pool)
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == (isInWrite ? [2] : [1, 2]))
        }
    }

    @Test("Cancelling a waiting task resumes it, and the running call continues")
    func inLine() async throws {
        try await withTable { pool in
            try await withHeldWriter(pool) { release in
                let task = Task {
                    try await pool.write(timeout: .seconds(3_600)) { _ in _ = Issue.record("the body ran") }
                }
                while pool.writer.status.waiting == 0 { await Task.yield() }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(pool.writer.status.waiting == 0)
                release()
            }
        }
    }
}

/// Calls `body`. During that time the connection's SQL function `block()` waits at `block`.
private func withBlockingFunction(
    _ db: borrowing SQLiteConnection,
    _ block: Block,
    _ body: () throws -> Void
) throws {
    let handle = unsafe db.session.handle
    unsafe sqlite3_create_function_v2(
        handle,
        "block",
        0,
        SQLITE_UTF8,
        Unmanaged.passUnretained(block).toOpaque(),
        { context, _, _ in
            unsafe Unmanaged<Block>.fromOpaque(sqlite3_user_data(context)!).takeUnretainedValue().wait()
            unsafe sqlite3_result_int(context, 1)
        },
        nil,
        nil,
        nil
    )
    defer { unsafe sqlite3_create_function_v2(handle, "block", 0, SQLITE_UTF8, nil, nil, nil, nil, nil) }
    try body()
}
