// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A reason why the command cannot do what it was asked, as one line for a person.
public struct CommandFailure: Error, Hashable, CustomStringConvertible {
    /// Whose fault it is, and so which code the process exits with.
    public enum Kind: Sendable {
        /// The command line asks for something that makes no sense; exit code 64.
        case usage
        /// The command line is fine, but the file, the statement or the machine is not; exit code 1.
        case runtime
    }

    /// Whose fault it is.
    public let kind: Kind
    /// What went wrong and what to do about it, on a single line.
    public let description: String

    /// A failure that the words on the command line cause.
    public static func usage(_ message: String) -> CommandFailure {
        CommandFailure(kind: .usage, description: message.onOneLine)
    }

    /// A failure that the world causes.
    public static func runtime(_ message: String) -> CommandFailure {
        CommandFailure(kind: .runtime, description: message.onOneLine)
    }

    /// The code that a process ending with this failure exits with.
    public var exitCode: Int32 {
        switch kind {
        case .usage: 64
        case .runtime: 1
        }
    }
}

extension String {
    /// The text with each run of white space, line ends included, as one space, and without other control characters:
    /// a message that quotes what the user typed stays one line, and moves no cursor.
    public var onOneLine: String {
        split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
            .filter { !$0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
    }
}
