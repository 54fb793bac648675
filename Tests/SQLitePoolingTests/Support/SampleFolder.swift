// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Dispatch
import Foundation
import Testing

@testable import SQLitePooling

/// A folder that is removed after the test.
final class SampleFolder: Sendable {
    let path: String

    init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
        let url = URL(filePath: parent).appending(path: "SQLitePoolingTests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String = "test.sqlite") -> String { path + "/" + name }

    func bytes(_ name: String = "test.sqlite") throws -> Data {
        try Data(contentsOf: URL(filePath: file(name)))
    }

    /// Returns the size of a file, in bytes. Foundation leaks memory when it reads a file that
    /// grows or shrinks.
    func size(_ name: String = "test.sqlite") throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: file(name))
        return (attributes[.size] as? Int) ?? 0
    }

    /// Damages a file from a byte offset on.
    func overwrite(_ name: String, from start: Int) throws {
        var data = try bytes(name)
        data.replaceSubrange(start..., with: repeatElement(0xa5, count: data.count - start))
        try data.write(to: URL(filePath: file(name)))
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    /// Returns a copy of the files as an abrupt end of their processes leaves them: without the
    /// shared memory.
    func remains() throws -> SampleFolder {
        let folder = try SampleFolder()
        for name in try names where !name.hasSuffix("-shm") {
            try FileManager.default.copyItem(atPath: file(name), toPath: folder.file(name))
        }
        return folder
    }
}

/// Passes `body` a pool for a new file, and closes the pool afterwards.
func withPool(
    _ configuration: SQLiteConfiguration = .init(),
    hooks: SQLiteHooks = .init(),
    in folder: SampleFolder? = nil,
    _ body: (SQLitePool) async throws -> Void
) async throws {
    let folder = try folder ?? SampleFolder()
    var configuration = configuration
    if configuration.pool.checkoutTimeout == SQLiteConfiguration().pool.checkoutTimeout {
        configuration.pool.checkoutTimeout = SQLiteConfiguration.patient.pool.checkoutTimeout
    }
    let pool = try SQLitePool(configuration.at(folder.file()), hooks: hooks)
    do {
        try await body(pool)
    } catch {
        await pool.close()
        throw error
    }
    await pool.close()
    withExtendedLifetime(folder) {}
}

/// Expects that no connection of `pool` stays leased. A connection may be released after its
/// caller has been resumed. Ends when the task is cancelled, for example by the time limit of a
/// test.
func expectNoLeases(_ pool: SQLitePool, sourceLocation: SourceLocation = #_sourceLocation) async {
    func leased() -> Int { pool.readers.status.leased + pool.writer.status.leased }
    while leased() > 0, !Task.isCancelled { await Task.yield() }
    #expect(leased() == 0, sourceLocation: sourceLocation)
}

/// Returns the `SQLiteError` that `body` throws.
func sqliteError(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async throws -> SQLiteError {
    try await #require(throws: SQLiteError.self, sourceLocation: sourceLocation) { try await body() }
}

/// Synchronizes a body, which may block, with a task, which must not.
final class Rendezvous: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() { (arrivals, arrival) = AsyncStream.makeStream() }

    /// Called in the body: signals its arrival.
    func arrive() { arrival.yield() }

    /// Called in the body: blocks until ``release()``.
    func wait() { semaphore.wait() }

    /// Called in the task: waits for ``arrive()``.
    func arrived() async {
        for await _ in arrivals { return }
    }

    /// Called in the task: lets the body continue.
    func release() { semaphore.signal() }
}

extension SQLitePool.ConnectionFigures {
    var createdAndClosed: [Int] { [created, closed] }
}
