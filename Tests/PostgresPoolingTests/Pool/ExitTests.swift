// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ExitTests {
    @Test("A process that exits at any moment is not killed by a signal, whatever its pool is doing over TLS")
    func exits() async throws {
        let server = try await TestServer.shared
        let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let program = build.appending(path: "postgres-exit-child").path
        let next = Locked(0)
        let ends = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var ends: [String] = []
                    while true {
                        let number = next.withLock { next in
                            defer { next += 1 }
                            return next
                        }
                        if number >= 200 { return ends }
                        let manner = ["close", "return", "exit", "shutdown"][number % 4]
                        // A connection attempt over TLS takes some milliseconds, and much longer
                        // on a busy machine.
                        let delay = String(Int.random(in: 0..<60_000))
                        let (status, output) = try await ChildProcess.run([program, server.url, manner, delay])
                        if status != 0 { ends.append("\(manner) after \(delay) µs: \(status) \(output)") }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(ends == [])
    }
}
