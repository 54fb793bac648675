// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The checker, run on the core as it is and on the core with a bug.
@Suite struct InterleavingsTests {
    @Test("Every promise holds in every scenario", arguments: 0..<2)
    func everyScenario(half: Int) async throws {
        let result = try await Checker(mutation: nil)
            .run(["--random", "2000", "--limit", "200000", "--half", "\(half)"])
        print(result.output.split(separator: "\n").last ?? "")
        #expect(result.status == 0, "\(result.output)")
    }

    @Test("A bug is caught", arguments: Mutation.chosen(from: Mutation.ofCore))
    func caught(_ mutation: Mutation) async throws {
        let scenario = try #require(mutation.scenario)
        let result = try await Checker(mutation: mutation)
            .run(["--scenario", scenario, "--random", "5000", "--limit", "70000"])
        let finding = result.output.split(separator: "\n").first { $0.contains("BROKEN") }
        // The core's own preconditions may see it first.
        #expect(finding != nil || result.status > 128, "\(result.output)")
        print(mutation.testDescription, finding ?? "stopped by a precondition of the core")
    }
}

/// A build of the checker from the sources beside this test, with a bug or without.
struct Checker {
    let mutation: Mutation?

    /// Builds and runs the checker.
    func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "interleavings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let executable = folder.appending(path: "interleavings")
        let sources = try copySources(to: folder)
        let fibers = package.appending(path: "Sources/CFibers")
        let object = folder.appending(path: "fibers.o")
        try await expectSuccess(
            [
                "clang", "-O2", "-c", "-I", fibers.appending(path: "include").path(),
                fibers.appending(path: "fibers.c").path(),
                "-o", object.path(),
            ]
        )
        try """
        module CFibers { header "\(fibers.appending(path: "include/CFibers.h").path())" }
        """.write(to: folder.appending(path: "module.modulemap"), atomically: true, encoding: .utf8)
        // A bug shows in the first thousands of schedules: optimizing takes longer than they do.
        let optimization = mutation == nil ? ["-O", "-whole-module-optimization"] : ["-Onone"]
        try await expectSuccess(
            ["swiftc"] + optimization + [
                "-parse-as-library", "-swift-version", "6",
                "-suppress-warnings",
                "-module-name", "interleavings", "-package-name", "interleavings", "-enable-upcoming-feature",
                "NonisolatedNonsendingByDefault",
                "-Xcc", "-fmodule-map-file=\(folder.appending(path: "module.modulemap").path())", "-o",
                executable.path(),
                object.path(),
            ] + sources.map { $0.path() }
        )
        return try await ChildProcess.run([executable.path()] + arguments)
    }

    private var package: URL { URL(filePath: #filePath).appending(path: "../../..").standardized }

    /// The sources of the executable, as the manifest lists them.
    private func copySources(to folder: URL) throws -> [URL] {
        let excluded = try String(contentsOf: package.appending(path: "Package.swift"), encoding: .utf8)
        let root = package.appending(path: "Sources/interleavings")
        var copies: [URL] = []
        var isMutated = mutation == nil
        for folderName in ["", "Core/"] {
            for file in try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folderName).path())
            where file.hasSuffix(".swift") && !excluded.contains("\"\(folderName)\(file)\"") {
                var text = try String(contentsOf: root.appending(path: folderName + file), encoding: .utf8)
                if let mutation, folderName == "Core/", file == mutation.file {
                    text = try mutation.applied(to: text)
                    isMutated = true
                }
                let copy = folder.appending(path: file)
                try text.write(to: copy, atomically: true, encoding: .utf8)
                copies.append(copy)
            }
        }
        if !isMutated { throw MutationFailure(description: "no such source: \(mutation!.file)") }
        return copies
    }

    private func expectSuccess(_ command: [String]) async throws {
        let result = try await ChildProcess.run(["/usr/bin/env"] + command)
        if result.status != 0 { throw MutationFailure(description: "\(command[0]) failed:\n\(result.output)") }
    }
}
