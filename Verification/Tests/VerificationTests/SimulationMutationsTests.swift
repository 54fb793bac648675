// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The simulation, run on connection pools with a bug each. In two copies of the package, because
/// a build with optimization uses one processor most of the time.
@Suite struct SimulationMutationsTests {
    private static func half(_ number: Int) -> [Mutation] {
        Mutation.chosen(from: Mutation.ofPool).enumerated().filter { $0.offset % 2 == number }.map(\.element)
    }

    @Suite(.serialized) struct First {
        private static let simulation = Task { try await Simulation() }

        @Test("A bug is caught", arguments: half(0))
        func caught(_ mutation: Mutation) async throws {
            try await expectFinding(of: mutation, in: Self.simulation.value)
        }
    }

    @Suite(.serialized) struct Second {
        private static let simulation = Task { try await Simulation() }

        @Test("A bug is caught", arguments: half(1))
        func caught(_ mutation: Mutation) async throws {
            try await expectFinding(of: mutation, in: Self.simulation.value)
        }
    }

    private static func expectFinding(of mutation: Mutation, in simulation: Simulation) async throws {
        let result = try await simulation.run(with: mutation)
        let finding = result.output.split(separator: "\n").first { $0.contains("BROKEN") }
        // The pool's own preconditions may see it first.
        #expect(finding != nil || result.status > 128, "\(result.output)")
        print("\(mutation.testDescription):", finding ?? "stopped by a precondition")
    }
}

/// A copy of the package, to build the simulation from with one bug at a time.
struct Simulation {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "mutations-\(UUID().uuidString)")

    init() async throws {
        try FileManager.default.createDirectory(
            at: folder.appending(path: "Benchmarks"),
            withIntermediateDirectories: true
        )
        for name in ["Package.swift", "Sources", "Tests", "Benchmarks/Sources"] {
            try FileManager.default.copyItem(
                at: Mutation.package.appending(path: name),
                to: folder.appending(path: name)
            )
        }
        // Gone with the process, however it ends.
        _ = try ChildProcess(
            executable: "/bin/sh",
            arguments: [
                "-c", #"while kill -0 "$0" 2>/dev/null; do sleep 1; done; rm -rf "$1""#, "\(getpid())", folder.path(),
            ],
            environment: []
        )
    }

    /// Builds the simulation with a bug and runs it.
    func run(with mutation: Mutation) async throws -> (status: Int32, output: String) {
        let file = folder.appending(path: "Sources/ConnectionPooling/\(mutation.file)")
        let text = try String(contentsOf: file, encoding: .utf8)
        try mutation.applied(to: text).write(to: file, atomically: true, encoding: .utf8)
        defer { try? text.write(to: file, atomically: true, encoding: .utf8) }
        let build = try await ChildProcess.run(
            [
                "/usr/bin/env", "swift", "build", "-c", "release", "--product", "pool-simulation", "--package-path",
                folder.path(),
            ]
        )
        if build.status != 0 { throw MutationFailure(description: "the mutant does not compile:\n\(build.output)") }
        return try await ChildProcess.run(
            [folder.appending(path: ".build/release/pool-simulation").path(), "--sequences", "100000"]
        )
    }
}
