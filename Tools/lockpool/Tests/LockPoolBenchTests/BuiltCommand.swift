// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The built command `lockpool`, run as a child process.
struct BuiltCommand {
    /// The exit code and the output of a process.
    struct Result: Sendable {
        var exitCode: Int32
        var output: String
        var errors: String

        /// The only line of standard error, or `nil` if there are more or fewer.
        var onlyErrorLine: String? {
            let lines = errors.split(separator: "\n", omittingEmptySubsequences: false)
            return lines.count == 2 && lines[1].isEmpty ? String(lines[0]) : nil
        }
    }

    var arguments: [String]
    /// The folder for the process's temporary files.
    var temporaryFolder: URL
    /// The variables of its environment, except for that folder.
    var environment: [String: String] = [:]

    /// Runs the process to its end.
    ///
    /// - Parameters:
    ///   - signal: A signal to send to the process.
    ///   - text: The signal is sent when the process has written this to standard error.
    func run(sending signal: Int32? = nil, after text: String = "") async throws -> Result {
        let child = try ChildProcess(
            executable: Self.folder.appending(path: "lockpool").path,
            arguments: arguments,
            environment: ["TMPDIR=\(temporaryFolder.path)"] + environment.map { "\($0)=\($1)" }
        )
        async let output = child.output.text()
        let errors = await child.errors.text { soFar in
            guard let signal, soFar.contains(text) else { return false }
            child.send(signal)
            return true
        }
        return Result(exitCode: await child.exitCode(), output: await output, errors: errors)
    }

    private static var folder: URL {
        #if os(macOS)
            for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
                return bundle.bundleURL.deletingLastPathComponent()
            }
        #endif
        return Bundle.main.bundleURL
    }
}
