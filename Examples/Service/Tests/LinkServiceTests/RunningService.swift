// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The executable `link-service` in a process of its own.
final class RunningService: Sendable {
    /// What a request is answered with.
    struct Answer {
        let status: Int
        let headers: [String: String]
        let body: Data

        func decode<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(type, from: body)
        }
    }

    private let process: Process
    private let output = Transcript()
    private let errors = Transcript()
    private let ended = Transcript()

    /// Starts the service. It has not begun to listen yet.
    init(database: String, _ settings: [String: String] = [:]) throws {
        process = Process()
        // Beside the tests.
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

    /// Where the service listens. Suspends until it does.
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

    /// Sends a request. Redirects are answers; they are not followed.
    func request(_ method: String, _ path: String, _ json: String? = nil) async throws -> Answer {
        var request = URLRequest(url: try #require(URL(string: path, relativeTo: try await url())))
        request.httpMethod = method
        if let json {
            request.httpBody = Data(json.utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        // Each on a connection of its own.
        let session = URLSession(configuration: .ephemeral, delegate: NoRedirects(), delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        let (body, response) = try await session.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        var headers: [String: String] = [:]
        for (name, value) in http.allHeaderFields {
            if let name = name as? String { headers[name.lowercased()] = value as? String }
        }
        return Answer(status: http.statusCode, headers: headers, body: body)
    }
}

private final class NoRedirects: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// Text that grows until it ends, and tasks that wait for something in it.
private final class Transcript: Sendable {
    struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    private typealias Outcome = Result<String, Ended>

    private struct State {
        var text = ""
        var hasEnded = false
        var waiters: [(condition: @Sendable (String) -> Bool, continuation: CheckedContinuation<Outcome, Never>)] = []

        /// What a wait for a condition ends with now; `nil` if it goes on.
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

    /// Suspends until the text fulfils a condition, and returns it.
    ///
    /// - Throws: ``Ended`` if it does not.
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

    /// A pipe whose text is appended.
    func pipe() -> Pipe {
        let pipe = Pipe()
        pipe.fileHandleForReading.readabilityHandler = { [self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                end()
            } else {
                append(String(decoding: data, as: UTF8.self))
            }
        }
        return pipe
    }
}
