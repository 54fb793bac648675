// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The destination of the JSON report.
public enum ReportDestination: Sendable, Hashable {
    /// Standard output, instead of the table.
    case standardOutput
    /// A file at this path, in addition to the table.
    case file(String)

    /// Parses the value of `--json`: `-` is standard output.
    ///
    /// - Throws: CommandFailure if the file cannot be written, or if it is `database` or one of
    ///   its files.
    public init(_ argument: String, database: DatabaseFile?) throws(CommandFailure) {
        guard argument != "-" else {
            self = .standardOutput
            return
        }
        guard !argument.isEmpty else {
            throw .usage("--json needs the path of a file, or - for standard output, but is empty")
        }
        if let database {
            for suffix in ["", "-wal", "-shm", "-journal"] {
                let file = argument.hasSuffix(suffix) ? String(argument.dropLast(suffix.count)) : argument
                if database.isSameFile(as: file) {
                    throw .usage("--json would overwrite the database \(argument)")
                }
            }
        }
        let url = URL(filePath: argument)
        let manager = FileManager.default
        var isDirectory: ObjCBool = false
        if unsafe manager.fileExists(atPath: url.path, isDirectory: &isDirectory) {
            guard !isDirectory.boolValue, manager.isWritableFile(atPath: url.path) else {
                throw .runtime("cannot write to \(argument)")
            }
        } else {
            let folder = url.deletingLastPathComponent().path
            guard manager.isWritableFile(atPath: folder) else {
                throw .runtime("cannot write to \(argument): its folder does not exist or is read-only")
            }
        }
        self = .file(argument)
    }
}

extension String {
    /// Replaces the content of the file at `path`.
    ///
    /// - Throws: CommandFailure with the system's reason.
    public func write(over path: String) throws(CommandFailure) {
        do {
            // Written in place instead of renamed, so that a device or a link is preserved.
            try Data(utf8).write(to: URL(filePath: path))
        } catch {
            throw .runtime("cannot write to \(path): \(error.localizedDescription)")
        }
    }
}
