// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Dispatch
import Foundation
import Testing

@testable import SQLitePooling

/// A folder that goes when the test has ended.
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

    /// The size of a file, in bytes. Foundation leaks memory when it reads a file that grows or shrinks.
    func size(_ name: String = "test.sqlite") throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: file(name))
        return (attributes[.size] as? Int) ?? 0
    }

    /// Damages a file from a byte on.
    func overwrite(_ name: String, from start: Int) throws {
        var data = try bytes(name)
        data.replaceSubrange(start..., with: repeatElement(0xa5, count: data.count - start))
        try data.write(to: URL(filePath: file(name)))
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    /// What would be left if the processes that use the files ended now: they, without the memory that is shared.
    func remains() throws -> SampleFolder {
        let folder = try SampleFolder()
        for name in try names where !name.hasSuffix("-shm") {
            try FileManager.default.copyItem(atPath: file(name), toPath: folder.file(name))
        }
        return folder
    }
}

extension SQLiteConfiguration {
    /// The defaults, but for how long a caller waits: however slow the machine is, what takes this long is an error of another kind.
    static var patient: Self { Self(checkoutTimeout: .seconds(600)) }
}

/// Gives `body` a pool on a new file, and closes the pool afterwards.
func withPool(
    _ configuration: SQLiteConfiguration = .init(),
    in folder: SampleFolder? = nil,
    _ body: (SQLitePool) async throws -> Void
) async throws {
    let folder = try folder ?? SampleFolder()
    var configuration = configuration
    if configuration.checkoutTimeout == SQLiteConfiguration().checkoutTimeout {
        configuration.checkoutTimeout = SQLiteConfiguration.patient.checkoutTimeout
    }
    let pool = try SQLitePool(path: folder.file(), configuration: configuration)
    do {
        try await body(pool)
    } catch {
        await pool.close()
        throw error
    }
    await pool.close()
    withExtendedLifetime(folder) {}
}

/// Expects that no connection of `pool` stays leased: one may go back after its caller has the result. Gives up when its task is
/// cancelled, as a test's is by its time limit.
func expectAllBack(_ pool: SQLitePool, sourceLocation: SourceLocation = #_sourceLocation) async {
    func leased() -> Int { pool.readers.status.leased + pool.writer.status.leased }
    while leased() > 0, !Task.isCancelled { await Task.yield() }
    #expect(leased() == 0, sourceLocation: sourceLocation)
}

/// The `SQLiteError` that `body` throws.
func sqliteError(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async throws -> SQLiteError {
    try await #require(throws: SQLiteError.self, sourceLocation: sourceLocation) { try await body() }
}

/// Lets a body, which may block, and a task, which may not, wait for each other.
final class Rendezvous: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() { (arrivals, arrival) = AsyncStream.makeStream() }

    /// In the body: says that it has come here.
    func arrive() { arrival.yield() }

    /// In the body: waits for ``release()``.
    func wait() { semaphore.wait() }

    /// In the task: waits for ``arrive()``.
    func arrived() async {
        for await _ in arrivals { return }
    }

    /// In the task: lets the body go on.
    func release() { semaphore.signal() }
}

extension SQLitePool.ConnectionFigures {
    var createdAndClosed: [Int] { [created, closed] }
}
