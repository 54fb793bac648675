// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An error that ends the command, with a message of one line.
public struct CommandFailure: Error, Hashable, CustomStringConvertible {
    /// The category of an error, which determines the exit code.
    public enum Kind: Sendable {
        /// The command line is invalid; exit code 64.
        case usage
        /// The command line is valid, but the file, the statement or the system fails; exit code
        /// 1.
        case runtime
    }

    /// The category of the error.
    public let kind: Kind
    /// The cause and what to do about it, on a single line.
    public let description: String

    /// Creates an error of the command line.
    public static func usage(_ message: String) -> CommandFailure {
        CommandFailure(kind: .usage, description: message.onOneLine)
    }

    /// Creates an error of the environment.
    public static func runtime(_ message: String) -> CommandFailure {
        CommandFailure(kind: .runtime, description: message.onOneLine)
    }

    /// The exit code of the process.
    public var exitCode: Int32 {
        switch kind {
        case .usage: 64
        case .runtime: 1
        }
    }
}

extension String {
    /// The text with each sequence of white space, including line breaks, replaced by one space,
    /// and without other control characters. A message that quotes user input then stays on one
    /// line and moves no cursor.
    public var onOneLine: String {
        split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
            .filter { !$0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
    }
}
