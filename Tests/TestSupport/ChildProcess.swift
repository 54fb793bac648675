// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A process that was started with `posix_spawn`, and whose output is read by threads that do nothing else, so that
/// nothing depends on a run loop.
package struct ChildProcess: Sendable {
    package struct CannotStart: Error {
        package var reason: Int32
    }

    package let output: ReadingEnd
    package let errors: ReadingEnd
    package let identifier: Int32

    /// Held while a process is started.
    private static let start = NSLock()

    package init(executable: String, arguments: [String], environment: [String]) throws {
        // A pipe is closed in other processes from the moment on at which it is marked. A process that starts in between would keep it
        // open, and its reader would wait for the end of that process.
        ChildProcess.start.lock()
        defer { ChildProcess.start.unlock() }
        let (output, outputWriter) = try ReadingEnd.makePipe()
        let (errors, errorsWriter) = try ReadingEnd.makePipe()
        defer {
            close(outputWriter)
            close(errorsWriter)
        }
        #if os(macOS)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = unsafe posix_spawn_file_actions_t()
        #endif
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, outputWriter, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, errorsWriter, STDERR_FILENO)

        var argv = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
        var envp = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (argv + envp).forEach { unsafe free($0) } }
        var identifier = pid_t()
        let reason = unsafe posix_spawn(&identifier, executable, &actions, nil, &argv, &envp)
        guard reason == 0 else { throw CannotStart(reason: reason) }
        self.identifier = identifier
        self.output = output
        self.errors = errors
    }

    /// Runs a command in this process's environment, where a crash prints no backtrace.
    ///
    /// - Parameter command: The path of an executable, and its arguments.
    /// - Returns: What ``exitCode()`` gives, and all output with all errors behind it.
    package static func run(_ command: [String]) async throws -> (status: Int32, output: String) {
        let environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let child = try ChildProcess(
            executable: command[0],
            arguments: Array(command.dropFirst()),
            environment: environment.map { "\($0)=\($1)" }
        )
        async let output = child.output.text()
        let errors = await child.errors.text()
        let status = await child.exitCode()
        return (status, await output + errors)
    }

    package func send(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Waits for the end of the process.
    ///
    /// - Returns: The code that it exited with; 128 and its number if a signal killed it, as a shell says it.
    package func exitCode() async -> Int32 {
        await onThread {
            var status: Int32 = 0
            while unsafe waitpid(identifier, &status, 0) == -1 && errno == EINTR {}
            let signal = status & 0x7F
            return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
        }
    }
}

extension ChildProcess {
    /// What became of a process.
    package struct Outcome: Sendable {
        package let exitCode: Int32
        package let output: String
        package let errors: String
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - program: Its path, or a name that is looked up on the `PATH`.
    ///   - environment: Of the variables of this process, those that change; `nil` removes one.
    package static func run(
        _ program: String,
        _ arguments: [String],
        environment changes: [String: String?] = [:]
    ) async throws -> Outcome {
        var environment = ProcessInfo.processInfo.environment
        for (name, value) in changes { environment[name] = value }
        let child = try ChildProcess(
            executable: "/usr/bin/env",
            arguments: [program] + arguments,
            environment: environment.map { "\($0)=\($1)" }
        )
        async let output = child.output.text()
        let errors = await child.errors.text()
        return Outcome(exitCode: await child.exitCode(), output: await output, errors: errors)
    }
}

/// The end of a pipe that is read.
package struct ReadingEnd: Sendable {
    private let descriptor: Int32

    /// Makes a pipe whose ends only the process inherits that gets them as its output. The caller lets no other process start meanwhile.
    static func makePipe() throws -> (reader: ReadingEnd, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw ChildProcess.CannotStart(reason: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ReadingEnd(descriptor: ends[0]), ends[1])
    }

    /// Everything that is written, once nobody can write any more. Only once.
    ///
    /// - Parameter observe: Is shown the text so far whenever there is more of it, until it returns `true`.
    package func text(observe: @escaping @Sendable (String) -> Bool = { _ in true }) async -> String {
        await onThread {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4_096)
            var isObserved = true
            while true {
                let count = unsafe read(descriptor, &chunk, chunk.count)
                if count == -1 && errno == EINTR { continue }
                guard count > 0 else { break }
                bytes += chunk[..<count]
                if isObserved { isObserved = !observe(String(decoding: bytes, as: UTF8.self)) }
            }
            close(descriptor)
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// Runs `body`, which may block, on a thread of its own.
private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
