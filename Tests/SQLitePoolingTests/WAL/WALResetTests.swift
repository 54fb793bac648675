// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

#if os(Linux)
    /// SQLite's WAL-reset bug (https://www.sqlite.org/wal.html#walresetbug), with a SQLite that
    /// has the bug and sleeps in the middle of each checkpoint, which widens the race.
    /// `Scripts/sqlite` builds that library; child processes load it.
    @Suite(.timeLimit(.minutes(10))) struct WALResetTests {
        /// Runs a child process on a file in memory, where a checkpoint takes little time beside
        /// the sleep.
        private func run(_ action: String, in folder: SampleFolder, rounds: Int) async throws -> ChildProcess {
            let library = try await DelayedSQLite.folder.value
            return try startChild(
                action,
                folder.file(),
                rounds,
                environment: ["LD_LIBRARY_PATH": library, "SQLITE_CHECKPOINT_DELAY": "1000"]
            )
        }

        private func memoryFolder() throws -> SampleFolder { try SampleFolder(in: "/dev/shm") }

        @Test("The race loses commits if one connection makes checkpoints and another one writes")
        func control() async throws {
            let folder = try memoryFolder()
            let child = try await run("reset-control", in: folder, rounds: 1_000)
            let output = await child.output.text()
            #expect(await child.exitCode() == 1)
            #expect(output.contains("commits have returned"))
            withExtendedLifetime(folder) {}
        }

        @Test("A pool loses no commit to the race", arguments: ["reset", "reset-grouped"])
        func oneProcess(action: String) async throws {
            let folder = try memoryFolder()
            let child = try await run(action, in: folder, rounds: 150)
            let output = await child.output.text()
            #expect(await child.exitCode() == 0, "\(output)")
            withExtendedLifetime(folder) {}
        }

        @Test("Two processes with a pool each lose no commit to the race")
        func twoProcesses() async throws {
            let folder = try memoryFolder()
            let children = [
                try await run("reset", in: folder, rounds: 80), try await run("reset", in: folder, rounds: 80),
            ]
            for child in children {
                let output = await child.output.text()
                #expect(await child.exitCode() == 0, "\(output)")
            }
            withExtendedLifetime(folder) {}
        }
    }

    /// The library that `Scripts/sqlite build bookworm --delayed` builds.
    private enum DelayedSQLite {
        struct Unavailable: Error {
            let reason: String
        }

        static let folder = Task { try await build() }

        private static func build() async throws -> String {
            let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
            let script = try ChildProcess(
                executable: root.appending(path: "Scripts/sqlite").path,
                arguments: ["build", "bookworm", "--delayed"],
                environment: ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
            )
            async let errors = script.errors.text()
            let output = await script.output.text()
            let reason = await errors
            guard await script.exitCode() == 0 else { throw Unavailable(reason: reason) }
            return output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
#endif
