// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A running link service.
final class ServiceProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let identifier: Int32
    let url: String
    private let process: UncheckedBox<Process>

    /// Starts a service on a free port, and returns when it accepts connections.
    ///
    /// - Parameters:
    ///   - command: The path of the executable, after the arguments of a launcher, if there is
    ///     one.
    ///   - database: The path or URL of the database.
    init(_ command: [String], database: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["LINKS_DATABASE": database, "LINKS_HOST": "127.0.0.1", "LINKS_PORT": "0", "LINKS_LOG_LEVEL": "error"]
        ) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        Children.add(process.processIdentifier)
        self.process = UncheckedBox(value: process)
        identifier = process.processIdentifier
        var text = ""
        while !text.contains("\n") {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { throw Failure(description: "\(command.last!) has ended before it listened") }
            text += String(decoding: data, as: UTF8.self)
        }
        guard let word = text.split(whereSeparator: \.isWhitespace).last, word.hasPrefix("http://") else {
            throw Failure(description: "\(command.last!) does not say where it listens: \(text)")
        }
        url = String(word)
    }

    /// Shuts the service down gracefully.
    func stop() {
        kill(identifier, SIGTERM)
        process.value.waitUntilExit()
        Children.remove(identifier)
    }

    /// The processor time of the process in seconds.
    func processorTime() throws -> Double {
        #if os(Linux)
            // The fields after the name in parentheses, which can contain spaces, begin with the
            // third. User time is the 14th, system time the 15th.
            let text = try String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
            let fields = text[text.lastIndex(of: ")")!...].split(separator: " ").dropFirst()
            let ticks = fields.dropFirst(11).prefix(2).compactMap { Double($0) }.reduce(0, +)
            return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        #else
            // [[hours:]minutes:]seconds
            let text = try Command.run("/bin/ps", ["-o", "time=", "-p", "\(identifier)"])
            return text.split(separator: ":").reduce(0) { $0 * 60 + (Double($1.filter { !$0.isWhitespace }) ?? 0) }
        #endif
    }
}

/// A reference that one task at a time uses.
private struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
}

/// The processes that must not outlive the benchmark.
enum Children {
    private static let identifiers = Mutex<Set<Int32>>([])
    private static let cleanUp = Mutex<[@Sendable () -> Void]>([])
    nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

    static func add(_ identifier: Int32) { identifiers.withLock { _ = $0.insert(identifier) } }
    static func remove(_ identifier: Int32) { identifiers.withLock { _ = $0.remove(identifier) } }

    /// Registers `body` to run at the end, also if a signal ends the benchmark.
    static func atEnd(_ body: @escaping @Sendable () -> Void) { cleanUp.withLock { $0.append(body) } }

    /// Ends all processes that still run, and runs the registered closures.
    static func end() {
        for identifier in identifiers.withLock({ $0 }) {
            kill(identifier, SIGKILL)
            var status: Int32 = 0
            waitpid(identifier, &status, 0)
        }
        for body in cleanUp.withLock({ $0 }).reversed() { body() }
    }

    /// Ends the processes, and then the benchmark, on SIGINT and SIGTERM. Called once.
    static func endOnSignals() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                end()
                exit(128 + number)
            }
            source.activate()
            sources.append(source)
        }
    }
}

/// Programs that run to their end.
enum Command {
    /// Runs a program and returns its output.
    static func run(_ path: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        Children.add(process.processIdentifier)
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        Children.remove(process.processIdentifier)
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw ServiceProcess.Failure(description: "\(path) has failed: \(text)")
        }
        return text
    }
}
