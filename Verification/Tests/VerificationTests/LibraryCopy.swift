// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A copy of the package, to build and run the tests of the libraries with one bug at a time.
///
/// The copy stays in the build folder of this package, so that a build only compiles what has
/// changed since the last one.
struct LibraryCopy {
    private static let parts = ["Package.swift", "Sources", "Tests", "Scripts", "Benchmarks/Sources"]
    /// The longest run of one test, and of all.
    private static let (limit, limitForAll) = (Duration.seconds(180), Duration.seconds(1_200))

    private let folder = Mutation.package.appending(path: "Verification/.build/libraries")

    /// Makes or updates the copy, builds it, and runs the tests that are to find the bugs without
    /// any of them.
    ///
    /// - Throws: `MutationFailure` if a test is not there, or fails without a bug.
    init(for bugs: [SeededBug]) async throws {
        try update()
        try await build()
        let list = try await run(["swift", "test", "list", "--skip-build"] + path, within: Self.limitForAll)
        let known = list.output.split(separator: "\n")
        for bug in bugs where !known.contains(where: { $0.hasPrefix(bug.test + "(") }) {
            throw MutationFailure(description: "there is no test \(bug.test)\n\(list.status == 0 ? "" : list.output)")
        }
        let result = try await test(bugs, within: Self.limitForAll)
        if result.status != 0 { throw MutationFailure(description: "a test fails without a bug:\n\(result.output)") }
    }

    /// Builds the tests with a bug, and runs the one that has to find it.
    ///
    /// - Returns: How it has found the bug; `nil` if it has not.
    func finding(of bug: SeededBug) async throws -> String? {
        let file = folder.appending(path: "Sources/\(bug.mutation.file)")
        let text = try String(contentsOf: file, encoding: .utf8)
        try bug.mutation.applied(to: text).write(to: file, atomically: true, encoding: .utf8)
        defer { try? text.write(to: file, atomically: true, encoding: .utf8) }
        try await build()
        let result = try await test([bug], within: Self.limit)
        guard let status = result.status else { return "does not end within \(Self.limit)" }
        if status == 0 { return nil }
        let lines = result.output.split(separator: "\n")
        for sign in ["recorded an issue", "Fatal error", "unexpected signal"] {
            if let line = lines.first(where: { $0.contains(sign) }) { return String(line) }
        }
        throw MutationFailure(description: "\(bug.test) fails without an issue:\n\(result.output)")
    }

    private var path: [String] { ["--package-path", folder.path()] }

    private func build() async throws {
        let build = try await run(["swift", "build", "--build-tests"] + path, within: .seconds(3_600))
        if build.status != 0 { throw MutationFailure(description: "the tests do not compile:\n\(build.output)") }
    }

    private func test(_ bugs: [SeededBug], within limit: Duration) async throws -> (status: Int32?, output: String) {
        let filters = Set(bugs.map(\.test)).flatMap { ["--filter", "^" + $0.replacing(".", with: "\\.") + "\\("] }
        return try await run(["swift", "test", "--skip-build"] + path + filters, within: limit)
    }

    /// Runs a command. At its time limit, the command and all processes that descend from it are
    /// killed.
    ///
    /// - Returns: The exit code, `nil` if the time was over; and all output.
    private func run(_ command: [String], within limit: Duration) async throws -> (status: Int32?, output: String) {
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_BACKTRACE"] = "enable=no"
        let child = try ChildProcess(
            executable: "/usr/bin/env",
            arguments: command,
            environment: environment.map { "\($0)=\($1)" }
        )
        let timer = Task {
            do { try await Task.sleep(for: limit) } catch { return false }
            for process in try await ChildProcess.descendants(of: child.identifier) { kill(process, SIGKILL) }
            return true
        }
        async let output = child.output.text()
        let errors = await child.errors.text()
        let status = await child.exitCode()
        timer.cancel()
        return try await (timer.value ? nil : status, output + errors)
    }

    /// Gives the copy the contents of the package. A file that has them already is left alone.
    private func update() throws {
        let (files, manager) = (try Self.files(in: Mutation.package), FileManager.default)
        for name in try Self.files(in: folder).subtracting(files) {
            try manager.removeItem(at: folder.appending(path: name))
        }
        for name in files {
            let (source, copy) = (Mutation.package.appending(path: name), folder.appending(path: name))
            if manager.contentsEqual(atPath: source.path(), andPath: copy.path()) { continue }
            try manager.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
            try? manager.removeItem(at: copy)
            try manager.copyItem(at: source, to: copy)
            // The time is that of the file that a link names, which may not be copied yet.
            if (try? manager.destinationOfSymbolicLink(atPath: copy.path())) != nil { continue }
            // A build compares times, and the copy of a bug that an interrupted run has left is
            // newer than the source.
            try manager.setAttributes([.modificationDate: Date()], ofItemAtPath: copy.path())
        }
    }

    /// The paths of the files of the package, or of its copy.
    private static func files(in root: URL) throws -> Set<String> {
        func isFolder(_ path: String) -> Bool {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: root.appending(path: path).path(), isDirectory: &isFolder)
                && isFolder.boolValue
        }
        var paths: [String] = []
        for part in parts where FileManager.default.fileExists(atPath: root.appending(path: part).path()) {
            paths.append(part)
            guard isFolder(part) else { continue }
            paths += try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: part).path())
                .map { "\(part)/\($0)" }
        }
        return Set(paths.filter { !isFolder($0) })
    }
}

extension ChildProcess {
    /// A process, and all that it and they have started; parents come first.
    fileprivate static func descendants(of root: Int32) async throws -> [Int32] {
        let table = try await run(["/usr/bin/env", "ps", "-A", "-o", "pid=,ppid="]).output.split(separator: "\n")
        let processes = table.map { line in line.split(separator: " ").compactMap { Int32($0) } }
        var found = [root]
        var index = 0
        while index < found.count {
            found += processes.filter { $0.count == 2 && $0[1] == found[index] }.map { $0[0] }
            index += 1
        }
        return found
    }
}
