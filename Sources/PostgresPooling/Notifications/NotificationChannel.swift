// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The name of a channel, compared by its bytes as the server does.
struct NotificationChannel: Hashable, Sendable {
    let name: String
    private let exactName: ExactText

    init(_ name: String) {
        self.name = name
        exactName = ExactText(name)
    }

    static func == (one: NotificationChannel, other: NotificationChannel) -> Bool {
        one.exactName == other.exactName
    }

    func hash(into hasher: inout Hasher) { exactName.hash(into: &hasher) }

    /// Creates a channel with a name that the server accepts and does not shorten.
    ///
    /// - Throws: ``PostgresError`` with the code `encoding`.
    init(validating name: String) throws(PostgresError) {
        func refuse(_ reason: String) -> PostgresError {
            PostgresError(.encoding, "the name of a channel \(reason)", outcome: .notExecuted)
        }
        if name.isEmpty { throw refuse("is empty") }
        if name.hasNUL { throw refuse("has a NUL character, which PostgreSQL cannot store") }
        let length = name.utf8.count
        guard length <= NotificationChannel.longestName else {
            throw refuse("has \(length) bytes, more than the \(NotificationChannel.longestName) that PostgreSQL allows")
        }
        self.init(name)
    }

    /// `NAMEDATALEN - 1` of the server, in bytes.
    private static var longestName: Int { 63 }

    /// The statements with a keyword and each channel, such as `LISTEN "a"; LISTEN "b"`, which the
    /// server runs in one transaction.
    static func script(_ keyword: String, _ channels: some Sequence<NotificationChannel>) -> String {
        channels.map { channel in
            let statement: PostgresQuery = "\(identifier: channel.name)"
            return "\(keyword) \(statement.text)"
        }.joined(separator: "; ")
    }
}
