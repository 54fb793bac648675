// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ThreadTests {
    /// Records the thread on which SQLite opens and closes each connection of this process.
    private enum Watch {
        private struct Connection {
            let path: String
            let opened: String
        }

        private static let events = Locked<[(path: String, event: String, thread: String)]>([])

        static func events(_ path: String) -> [String] {
            events.withLock { $0.filter { $0.path == path }.map { "\($0.event) on \($0.thread)" } }
        }

        /// Returns the name of the calling thread.
        static var threadName: String {
            let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
            return name?.trimmingCharacters(in: .newlines) ?? ""
        }

        fileprivate static func note(_ path: String, _ event: String) {
            events.withLock { $0.append((path, event, threadName)) }
        }

        /// SQLite calls an automatic extension for each new connection, and destroys its functions
        /// when the connection is closed.
        static let isOn: Bool = {
            typealias Extension =
                @convention(c) (
                    OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, OpaquePointer?
                ) -> Int32
            let watch: Extension = { handle, _, _ in
                guard let name = unsafe sqlite3_db_filename(handle, "main") else { return SQLITE_OK }
                let path = unsafe String(cString: name)
                Watch.note(path, "opened")
                let context = unsafe Unmanaged.passRetained(path as NSString).toOpaque()
                return unsafe sqlite3_create_function_v2(
                    handle,
                    "watch",
                    0,
                    SQLITE_UTF8,
                    context,
                    { call, _, _ in unsafe sqlite3_result_null(call) },
                    nil,
                    nil,
                    { context in
                        let path = unsafe Unmanaged<NSString>.fromOpaque(context!).takeRetainedValue()
                        Watch.note(path as String, "closed")
                    }
                )
            }
            return unsafe sqlite3_auto_extension(unsafeBitCast(watch, to: (@convention(c) () -> Void).self))
                == SQLITE_OK
        }()
    }

    #if os(Linux)
        @Test("SQLite opens, uses and closes connections only on their own threads")
        func threads() async throws {
            #expect(Watch.isOn)
            let folder = try SampleFolder()
            let pool = try SQLitePool(
                SQLiteConfiguration.with(maximumReaders: 2, checkoutTimeout: .seconds(600))
                    .at(folder.file())
            )
            try await pool.write { db in
                #expect(Watch.threadName == "sqlite-write")
                try db.execute("CREATE TABLE t (x)")
            }
            let meeting = Rendezvous()
            async let first = pool.read { db in
                meeting.arrive()
                meeting.wait()
                return Watch.threadName
            }
            await meeting.arrived()
            let second = try await pool.read { db in Watch.threadName }
            meeting.release()
            #expect(try await Set([first, second]) == ["sqlite-read-1", "sqlite-read-2"])
            try await pool.writeWithoutTransaction { db in
                #expect(Watch.threadName == "sqlite-write")
                try db.execute("CREATE TEMP TABLE mark (x)")
            }
            try await pool.execute("INSERT INTO t VALUES (1)")
            await pool.close()
            let names = ["sqlite-write", "sqlite-read-1", "sqlite-read-2", "sqlite-write"]
            let events = Watch.events(folder.file())
            #expect(events.filter { $0.hasPrefix("opened") }.sorted() == names.map { "opened on \($0)" }.sorted())
            #expect(events.filter { $0.hasPrefix("closed") }.sorted() == names.map { "closed on \($0)" }.sorted())
            #expect(events.last == "closed on sqlite-write")
        }

        @Test("A pool that is released without being closed closes its connections on their threads")
        func dropped() async throws {
            #expect(Watch.isOn)
            let folder = try SampleFolder()
            var pool: SQLitePool? = try SQLitePool(.patient.at(folder.file()))
            try await pool?.execute("CREATE TABLE t (x)")
            pool = nil
            while Watch.events(folder.file()).count < 2 { await Task.yield() }
            #expect(Watch.events(folder.file()) == ["opened on sqlite-write", "closed on sqlite-write"])
        }
    #endif

    @Test("A pattern of SQLite's maximum length, which recurses for each character, fits on the stack")
    func deepRecursion() async throws {
        try await withPool { pool in
            let pattern = String(repeating: "%a", count: 24_999)
            let text = String(repeating: "a", count: 50_000)
            let matches = try await pool.query("SELECT \(text) LIKE \(pattern)", as: Bool.self)
            #expect(matches == [true])
        }
    }
}
