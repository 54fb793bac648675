// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolPQ
import Synchronization
import TestSupport
import Testing

@testable import PostgresPooling

/// How a `COPY` from the client finds the server's error among other messages.
@Suite(.timeLimit(.minutes(10))) struct CopyErrorTests {
    /// Returns the positions at which an error begins.
    private func errors(in bytes: [UInt8]) -> [Int] {
        bytes.indices.filter { index in
            unsafe bytes[index...].withUnsafeBytes { bytes in
                unsafe clockpool_pq_begins_error(bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
                    != 0
            }
        }
    }

    @Test("Each error of a server is recognized, wherever it stands, and nothing else is")
    func recognition() {
        var generator = SeededGenerator(seed: SeededGenerator.seed("errors of a COPY"))
        let words = ["VERROR", "VFATAL", "ERROR", "RROR", "C12345", "C", "V", "E", "S", "SERROR", "N", "A", "x"]
        func text() -> String {
            (0..<Int.random(in: 0...3, using: &generator)).map { _ in words.randomElement(using: &generator)! }.joined()
        }
        for _ in 0..<3_000 {
            var bytes: [UInt8] = []
            var wanted: [Int] = []
            for _ in 0..<4 {
                switch Int.random(in: 0..<5, using: &generator) {
                case 0:
                    bytes += FakeServer.notice(
                        text() + String(repeating: "x", count: Int.random(in: 0..<300, using: &generator))
                    )
                // The largest process identifier of Linux is 4,194,304.
                case 1, 2:
                    let process = Int32.random(in: 1...4_194_304, using: &generator)
                    bytes += FakeServer.notification(
                        text(),
                        text(),
                        process: Bool.random(using: &generator) ? process : process & ~0xff
                    )
                case 3: bytes += FakeServer.parameter("application_name", text())
                default:
                    if Int.random(in: 0..<4, using: &generator) > 0 { continue }
                    wanted.append(bytes.count)
                    let severity = ["ERROR", "FATAL", "PANIC"].randomElement(using: &generator)!
                    bytes += FakeServer.error(severity, "22P02", text())
                }
            }
            #expect(errors(in: bytes) == wanted, "\(bytes)")
            // A message that has not arrived as a whole is none yet.
            if let last = wanted.last { #expect(errors(in: Array(bytes[..<(last + 20)])) == wanted.dropLast()) }
        }
    }

    @Test(
        "A message whose text looks like the severity of an error does not end a copy",
        arguments: [FakeServer.notification("x", "VERROR"), FakeServer.parameter("application_name", "VERROR")]
    )
    func lookalike(_ message: [UInt8]) async throws {
        let isSent = Atomic(false)
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.receiveStatement()
            try connection.send(FakeServer.message("G", [0, 0, 0]))
            // The client has read the answer when it sends data, and finds this one by itself.
            _ = try connection.receiveMessage()
            try connection.send(message)
            isSent.store(true, ordering: .releasing)
            while true {
                let type = try connection.receiveMessage()
                if type == "f" { try connection.send(FakeServer.error("ERROR", "57014", "COPY failed")) }
                if type == "c" { try connection.send(FakeServer.message("C", Array("COPY 7\0".utf8))) }
                if type == "c" || type == "f" { break }
            }
            try connection.send(FakeServer.message("Z", Array("I".utf8)))
            try connection.serve()
        }
        defer { server.stop() }
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pooler = .session
        let pool = try PostgresPool(configuration)
        let count = try await pool.copy("COPY t FROM STDIN") { writer in
            let piece = [UInt8](repeating: 0x61, count: 100_000)
            try await writer.write(piece)
            await until { isSent.load(ordering: .acquiring) }
            for _ in 0..<4 { try await writer.write(piece) }
        }
        #expect(count == 7)
        await pool.close()
    }
}
