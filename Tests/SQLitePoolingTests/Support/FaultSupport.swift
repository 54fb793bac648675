// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CFaultyDisk
import Foundation
import SQLitePooling
import TestSupport
import Testing

/// Whether the tests run under a sanitizer, as `Scripts/test` reports. A test then takes several
/// times as long, so tests of many random rounds run fewer of them.
let isSanitized = ProcessInfo.processInfo.environment["LOCKPOOL_SANITIZER"] != nil

/// A disk that loses power or becomes full, which SQLite opens as a VFS.
@safe
final class FaultyDisk: @unchecked Sendable {
    let name = "faulty-\(UUID().uuidString)"
    private let disk: OpaquePointer

    init(seed: UInt64) {
        unsafe disk = faulty_disk_create(name, seed)!
    }

    deinit { unsafe faulty_disk_destroy(disk) }

    var isCut: Bool { unsafe faulty_disk_is_cut(disk) != 0 }

    /// Whether the power failed while a checkpoint copied pages.
    var wasCutInCheckpoint: Bool { unsafe faulty_disk_was_cut_in_checkpoint(disk) != 0 }

    var operations: Int { unsafe Int(faulty_disk_operations(disk)) }

    func cut(after operations: Int) { unsafe faulty_disk_cut_after(disk, Int64(operations)) }

    /// Makes one write, truncation or synchronization fail.
    func fail(after operations: Int) { unsafe faulty_disk_fail_after(disk, Int64(operations)) }

    func limit(_ bytes: Int?) { unsafe faulty_disk_limit(disk, Int64(bytes ?? -1)) }

    /// Returns the URI of a file on this disk.
    func uri(_ folder: SampleFolder) -> String { "file:\(folder.file())?vfs=\(name)" }

    /// Returns a copy of the files in a folder as a power loss leaves them.
    func remains(_ folder: SampleFolder) throws -> SampleFolder {
        let after = try SampleFolder()
        for name in try folder.names where name.hasSuffix("-durable") {
            let original = String(name.dropLast("-durable".count))
            try FileManager.default.copyItem(atPath: folder.file(name), toPath: after.file(original))
        }
        return after
    }
}

/// Starts the child process of the tests.
func startChild(
    _ action: String,
    _ path: String,
    _ number: Int,
    environment: [String: String] = [:]
) throws -> ChildProcess {
    let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    return try ChildProcess(
        executable: build.appending(path: "sqlite-fault-child").path,
        arguments: [action, path, String(number)],
        environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
    )
}

/// Returns the problems that the integrity check of a file reports.
func integrityProblems(_ pool: SQLitePool) async throws -> [String] {
    try await pool.query("PRAGMA integrity_check", as: String.self).filter { $0 != "ok" }
}

/// Drops the permissions of the superuser for the rest of the process.
func dropPrivileges() {
    if geteuid() == 0 { #expect(setuid(65_534) == 0) }
}

extension SampleFolder {
    func setWritable(_ isWritable: Bool) throws {
        let manager = FileManager.default
        let file: Int16 = isWritable ? 0o644 : 0o444
        let folder: Int16 = isWritable ? 0o755 : 0o555
        if manager.fileExists(atPath: self.file()) {
            try manager.setAttributes([.posixPermissions: NSNumber(value: file)], ofItemAtPath: self.file())
        }
        try manager.setAttributes([.posixPermissions: NSNumber(value: folder)], ofItemAtPath: path)
    }
}
