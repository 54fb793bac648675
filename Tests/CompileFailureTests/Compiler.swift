// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The compiler that built the tests, with the modules that it built.
enum Compiler {
    struct Result: Sendable {
        let succeeded: Bool
        let output: String
    }

    /// Compiles a program without output. Ownership diagnostics come from passes after type
    /// checking, so the program is compiled to canonical SIL.
    ///
    /// - Parameter inheritsIsolation: Whether asynchronous functions run in their caller's
    ///   isolation, as with the upcoming feature.
    static func typecheck(
        _ source: String,
        imports module: String,
        inheritsIsolation: Bool = true
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "Program.swift")
        try "import \(module)\n\(source)".write(to: file, atomically: true, encoding: .utf8)
        let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let package = URL(filePath: #filePath).appending(path: "../../..").standardized
        let headers = try await ChildProcess.run("pg_config", ["--includedir"]).output
        let moduleMaps = ["CLockPoolThread", "CLockPoolTLS"].flatMap { module in
            ["-Xcc", "-fmodule-map-file=" + build.appending(path: "\(module).build/module.modulemap").path()]
        }
        let outcome = try await ChildProcess.run(
            "swiftc",
            [
                "-swift-version", "6", "-parse-as-library", "-emit-sil", "-o", "/dev/null",
                "-I", build.appending(path: "Modules").path(),
                "-I", package.appending(path: "Sources/CLockPoolSQLite").path(),
                "-I", package.appending(path: "Sources/CLockPoolPQ").path(),
                "-Xcc", "-I" + headers.trimmingCharacters(in: .newlines),
                file.path(),
            ] + moduleMaps
                + (inheritsIsolation ? ["-enable-upcoming-feature", "NonisolatedNonsendingByDefault"] : [])
        )
        return Result(succeeded: outcome.exitCode == 0, output: outcome.output + outcome.errors)
    }
}
