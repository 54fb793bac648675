// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConfiguration {
    /// A setting of a connection that has no field in ``SQLiteConfiguration``.
    ///
    /// ```swift
    /// configuration.pragmas = [Pragma("temp_store", "MEMORY"), Pragma("analysis_limit", 1_000)]
    /// ```
    public struct Pragma: Hashable, Sendable {
        /// The name of the pragma.
        public let name: String

        /// The value: a number, a word, or text in single quotes.
        public let value: String

        /// The connections that the pragma applies to.
        public let connections: ConnectionKinds

        /// Creates a pragma with a word, a number or text in single quotes as its value.
        public init(_ name: String, _ value: String, on connections: ConnectionKinds = .all) {
            self.name = name
            self.value = value
            self.connections = connections
        }

        /// Creates a pragma with a number as its value.
        public init(_ name: String, _ value: Int, on connections: ConnectionKinds = .all) {
            self.init(name, String(value), on: connections)
        }

        var text: String { "\(name) = \(value)" }
    }
}

extension SQLiteConfiguration {
    /// The kinds of connections of a pool.
    public struct ConnectionKinds: OptionSet, Hashable, Sendable {
        /// A bit for each kind.
        public let rawValue: UInt8

        /// Creates a set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The readers.
        public static let readers = Self(rawValue: 1)
        /// The writer, and a connection that is opened briefly if a file must be created before it
        /// can be read.
        public static let writer = Self(rawValue: 2)
        /// Readers and writer.
        public static let all: Self = [.readers, .writer]
    }
}
