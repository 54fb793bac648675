// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// The poller of a test's pool, and where the test runs. No name begins with another: tests find
/// their statements by them.
enum PollerKind: String, CaseIterable, Codable {
    /// The system's poller.
    case native
    /// The portable poller.
    case portable
    /// The system's poller, on a thread that also runs the test.
    case executor
    /// The portable poller, on a thread that also runs the test.
    case pollExecutor

    private static let portableReader = AnswerReader { PollPoller() }
    private static let portableReactor = Reactor(
        poller: PollPoller()!,
        name: "postgres-poll",
        answerReader: portableReader
    )

    private var executor: PostgresExecutor? {
        switch self {
        case .native, .portable: nil
        case .executor: PostgresExecutor()
        case .pollExecutor:
            PostgresExecutor(poller: PollPoller()!, name: "postgres-tasks", answerReader: PollerKind.portableReader)
        }
    }

    func withPool<Value>(
        _ configuration: PostgresConfiguration,
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        let executor = executor
        let shared = self == .portable ? PollerKind.portableReactor : .shared
        let pool = try PostgresPool(configuration, reactor: executor?.reactor ?? shared, executor: executor)
        return try await withTaskExecutorPreference(executor) { try await body(pool) }
    }
}

/// The pollers of this system.
enum PollerSystem: CaseIterable {
    case native, portable

    var makePoller: @Sendable () -> (any Poller)? {
        switch self {
        case .native: Reactor.makePoller
        case .portable: { PollPoller() }
        }
    }
}

extension PostgresConfiguration {
    /// A configuration with timeouts that a slow machine does not reach: an error after these
    /// times has another cause.
    static func withLongTimeouts(_ server: String) -> PostgresConfiguration {
        var configuration = PostgresConfiguration(server)
        configuration.pool.checkoutTimeout = .seconds(300)
        configuration.pool.connectTimeout = .seconds(120)
        configuration.pool.resetTimeout = .seconds(120)
        configuration.pool.circuitBreakerThreshold = .seconds(300)
        return configuration
    }
}

extension TestServer {
    /// Provides a pool for this server, and closes it at the end.
    func withPool<Value>(
        _ poller: PollerKind = .native,
        name: String = "test-\(UUID().uuidString.prefix(8))",
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        var configuration = PostgresConfiguration.withLongTimeouts(url)
        configuration.applicationName = name
        configuration.pool.maximumConnections = 4
        configure(&configuration)
        return try await poller.withPool(configuration) { pool in
            do {
                let value = try await body(pool)
                await pool.close()
                return value
            } catch {
                await pool.close()
                throw error
            }
        }
    }
}

extension PostgresPool {
    /// The server's process of the only connection.
    func process() async throws -> Int32 { try await withConnection { $0.serverProcess } }
}

/// Runs `body` until it returns `true`, and yields in between.
func until(_ body: () async throws -> Bool) async rethrows {
    while try await !body() { await Task.yield() }
}

/// Expects two values to be equal. `#expect` hides a `try` from a closure, which then does not
/// count as throwing.
func equal<Value: Equatable>(_ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(value == expected, sourceLocation: sourceLocation)
}

/// Expects two values to be different.
func different<Value: Equatable>(_ value: Value, _ other: Value, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(value != other, sourceLocation: sourceLocation)
}

/// Returns the error that `body` throws.
func failure<Value: ~Copyable>(_ body: () async throws -> Value) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Returns the ``PostgresError`` that `body` throws.
func postgresFailure<Value: ~Copyable>(_ body: () async throws -> Value) async -> PostgresError? {
    await failure(body) as? PostgresError
}

/// Collects values from any thread.
final class Counted<Value: Sendable>: Sendable {
    private let collected = Locked([Value]())

    func add(_ value: Value) { collected.withLock { $0.append(value) } }

    var values: [Value] { collected.withLock { $0 } }
}

/// The memory that this process uses, in bytes.
func residentBytes() -> Int {
    let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}

#if canImport(Glibc)
    let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
    let streamSocket = SOCK_STREAM
#endif

/// Listens on a free port of 127.0.0.1.
func listenOnLoopback() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, streamSocket, 0)
    var port = 0
    let isListening = unsafe withLoopback(port: &port) { address, length in
        unsafe bind(descriptor, address, length.pointee) == 0 && listen(descriptor, 128) == 0
            && getsockname(descriptor, address, length) == 0
    }
    guard isListening else { throw POSIXError(.EADDRINUSE) }
    return (descriptor, port)
}

/// Returns a socket that is connected to a port of 127.0.0.1.
func connectToLoopback(port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, streamSocket, 0)
    var port = port
    let isConnected = unsafe withLoopback(port: &port) { unsafe connect(descriptor, $0, $1.pointee) == 0 }
    guard isConnected else { throw POSIXError(.ECONNREFUSED) }
    return descriptor
}

/// Provides the address of a port of 127.0.0.1, and closes the port afterwards.
private func withLoopback(
    port: inout Int,
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Bool
) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    defer { port = Int(UInt16(bigEndian: address.sin_port)) }
    return unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &length) }
    }
}

#if os(Linux)
    /// The names of the threads of this process.
    func threadNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").compactMap { task in
            // Foundation loses its buffer where the thread ends meanwhile, and the leak is reported as this library's.
            guard let file = unsafe fopen("/proc/self/task/\(task)/comm", "r") else { return nil }
            defer { unsafe fclose(file) }
            var name: [CChar] = Array(repeating: 0, count: 32)
            guard unsafe fgets(&name, Int32(name.count), file) != nil else { return nil }
            return unsafe name.withUnsafeBufferPointer { unsafe String(cString: $0.baseAddress!) }
                .trimmingCharacters(in: .newlines)
        }
    }
#endif
