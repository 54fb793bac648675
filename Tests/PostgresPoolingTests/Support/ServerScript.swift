// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A script in `Scripts` that runs servers.
enum ServerScript: String {
    case postgres, pgbouncer, cluster

    /// Runs the script.
    func run(_ arguments: [String]) async throws -> ChildProcess.Outcome {
        let script = URL(filePath: #filePath).resolvingSymlinksInPath()
            .appending(path: "../../../../Scripts/\(rawValue)").standardized
        return try await ChildProcess.run(script.path, arguments)
    }

    /// Runs the script, which must succeed.
    ///
    /// - Returns: Its output.
    @discardableResult func succeed(_ arguments: [String]) async throws -> String {
        let outcome = try await run(arguments)
        guard outcome.exitCode == 0 else {
            throw TestServer.Failed(
                description:
                    "Scripts/\(rawValue) \(arguments) has failed, without which this test cannot run: \(outcome.errors)"
            )
        }
        return outcome.output.trimmingCharacters(in: .newlines)
    }
}
