// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import LockPoolBench

/// The command `lockpool`.
@main
struct LockPoolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockpool",
        abstract: "Measures database pooling on your own database.",
        version: "0.1.0",
        subcommands: [BenchCommand.self, ClusterCommand.self]
    )

    /// Runs the command that the arguments name, and ends the process.
    ///
    /// Unlike the argument parser's entry point, prints an error on one line.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            fail(failure.description, code: failure.exitCode)
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch {
            let code = exitCode(for: error)
            guard code != .success else { exit(withError: error) }
            fail(message(for: error), code: code.rawValue)
        }
    }

    private static func fail(_ message: String, code: Int32) -> Never {
        FileHandle.standardError.write(Data("lockpool: \(message.onOneLine)\n".utf8))
        Foundation.exit(code)
    }
}
