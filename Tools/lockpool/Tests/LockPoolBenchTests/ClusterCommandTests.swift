// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A cluster of one server; `Scripts/demo --cluster` kills the primary of three.
@Suite("lockpool cluster") struct ClusterCommandTests {
    private func cluster(_ arguments: String...) async throws -> BuiltCommand.Result {
        try await BuiltCommand(arguments: ["cluster"] + arguments, temporaryFolder: SampleFolder().url).run()
    }

    @Test("The load prints what clients saw, and drops its table")
    func load() async throws {
        let server = try await TestServer.shared
        let result = try await cluster(server.url, "--clients", "5", "--duration", "0.2")
        #expect(result.exitCode == 0, "\(result)")
        #expect(result.errors.contains(" writes; primary: \(server.host):\(server.port)\n"))
        let lines = Dictionary(
            uniqueKeysWithValues: result.output.split(separator: "\n").map { line in
                (String(line.prefix(25)).trimmingCharacters(in: .whitespaces), line.dropFirst(25))
            }
        )
        #expect(lines["writes that were lost"] == "0" && lines["writes made twice"] == "0", "\(result.output)")
        #expect(lines["errors"] == "0")
        #expect(lines["reads"]?.hasPrefix("0,") == false && lines["writes"]?.hasPrefix("0,") == false)
        #expect(!(result.output + result.errors).contains(server.password))
        #expect(try await server.psql("SELECT to_regclass('lockpool_failover') IS NULL") == "t")
    }

    @Test(
        "Wrong arguments fail with exit code 64, and name what is wrong",
        arguments: [
            (["postgres://127.0.0.1/x", "--clients", "0"], "--clients"),
            (["postgres://127.0.0.1/x", "--duration", "nan"], "--duration"),
            (["dbname=x"], "hosts"),
            ([], "url"),
        ]
    )
    func misuse(arguments: [String], text: String) async throws {
        let result = try await BuiltCommand(
            arguments: ["cluster"] + arguments,
            temporaryFolder: SampleFolder().url
        ).run()
        #expect(result.exitCode == 64 && result.errors.contains(text), "\(result)")
    }
}
