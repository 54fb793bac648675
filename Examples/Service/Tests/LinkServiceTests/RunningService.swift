// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// The executable `link-service` as a child process.
final class RunningService: Sendable {
    private let process: Process
    private let output = Transcript()
    private let errors = Transcript()
    private let ended = Transcript()

    /// Starts the service. It does not listen yet.
    init(database: String, _ settings: [String: String] = [:]) throws {
        process = Process()
        // In the folder of the tests.
        let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = build.appending(path: "link-service")
        let defaults = ["LINKS_DATABASE": database, "LINKS_PORT": "0", "LINKS_LOG_LEVEL": "debug"]
        process.environment = ProcessInfo.processInfo.environment.merging(defaults) { $1 }.merging(settings) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output.pipe()
        process.standardError = errors.pipe()
        process.terminationHandler = { [ended] process in ended.append("\(process.terminationStatus)\n") }
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// The port of the service. Suspends until the service listens.
    func url() async throws -> URL {
        let text = try await output.wait { $0.contains("\n") }
        return try #require(text.split(whereSeparator: \.isWhitespace).last.flatMap { URL(string: String($0)) })
    }

    /// Suspends until the service's log contains a text.
    func waitForLog(_ text: String) async throws { _ = try await errors.wait { $0.contains(text) } }

    /// Sends SIGTERM.
    func terminate() { kill(process.processIdentifier, SIGTERM) }

    /// Suspends until the process has ended, and returns its exit code.
    func exitCode() async throws -> Int32 {
        let text = try await ended.wait { $0.contains("\n") }
        return try #require(Int32(text.dropLast()))
    }

    /// Sends a request on a new connection. Does not follow redirects.
    func request(_ method: String, _ path: String, _ json: String? = nil) async throws -> HTTPAnswer {
        try await HTTPAnswer(to: method, path, json, at: url())
    }
}

/// Text that grows until it ends, and tasks that wait for a condition on it.
private final class Transcript: Sendable {
    struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    private typealias Outcome = Result<String, Ended>

    private struct State {
        var text = ""
        var hasEnded = false
        var waiters: [(condition: @Sendable (String) -> Bool, continuation: CheckedContinuation<Outcome, Never>)] = []

        /// The result of a wait for a condition; `nil` if the wait continues.
        func outcome(_ condition: (String) -> Bool) -> Outcome? {
            if condition(text) { return .success(text) }
            return hasEnded ? .failure(Ended(description: "the output has ended: \(text)")) : nil
        }
    }

    private let state = Mutex(State())

    func append(_ more: String) { change { $0.text += more } }

    func end() { change { $0.hasEnded = true } }

    private func change(_ body: (inout State) -> Void) {
        let ready = state.withLock { state in
            body(&state)
            var ready: [(CheckedContinuation<Outcome, Never>, Outcome)] = []
            let now = state
            state.waiters.removeAll { waiter in
                guard let outcome = now.outcome(waiter.condition) else { return false }
                ready.append((waiter.continuation, outcome))
                return true
            }
            return ready
        }
        for (continuation, outcome) in ready { continuation.resume(returning: outcome) }
    }

    /// Suspends until the text fulfils a condition, and returns the text.
    ///
    /// - Throws: ``Ended`` if the text ends before.
    func wait(_ condition: @escaping @Sendable (String) -> Bool) async throws -> String {
        let outcome = await withCheckedContinuation { continuation in
            let outcome = state.withLock { state in
                let outcome = state.outcome(condition)
                if outcome == nil { state.waiters.append((condition, continuation)) }
                return outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
        return try outcome.get()
    }

    /// Creates a pipe whose text is appended.
    ///
    /// A thread reads it. A dispatch source would observe a descriptor that a child can inherit,
    /// and would outlive its registration with the kernel, which crashes the process.
    func pipe() -> Pipe {
        let pipe = Pipe()
        let reader = pipe.fileHandleForReading
        Thread.detachNewThread { [self] in
            while case let data = reader.availableData, !data.isEmpty { append(String(decoding: data, as: UTF8.self)) }
            end()
        }
        return pipe
    }
}
