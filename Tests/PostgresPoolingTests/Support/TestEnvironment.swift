// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling

/// The encoding of a separate database on the shared server.
enum DatabaseEncoding: String, CaseIterable, Codable {
    case utf8 = "UTF8"
    case latin1 = "LATIN1"
    case sqlASCII = "SQL_ASCII"

    var database: String { "encoded_\(rawValue.lowercased())" }
}

/// A role of the shared server, a superuser with settings of its own.
enum ForeignRole: String, CaseIterable, Codable {
    case plain, encoding, timeZone, dates, timeout, readOnly, searchPath, escapes, texts, role, messages

    var name: String { "foreign_\(rawValue.lowercased())" }

    var settings: [String: String] {
        switch self {
        case .plain: [:]
        case .encoding: ["client_encoding": "LATIN1"]
        case .timeZone: ["TimeZone": "America/New_York"]
        case .dates: ["DateStyle": "German, DMY", "IntervalStyle": "sql_standard", "TimeZone": "Asia/Kathmandu"]
        case .timeout: ["statement_timeout": "10min", "lock_timeout": "10min"]
        case .readOnly: ["default_transaction_read_only": "on", "default_transaction_isolation": "serializable"]
        case .searchPath: ["search_path": "nowhere"]
        case .escapes: ["standard_conforming_strings": "off", "backslash_quote": "on", "escape_string_warning": "off"]
        case .texts:
            ["bytea_output": "escape", "extra_float_digits": "-3", "xmloption": "document", "lc_monetary": "C"]
        case .role: ["role": "foreign_other"]
        case .messages: ["lc_messages": "C.UTF-8", "client_min_messages": "debug1", "quote_all_identifiers": "on"]
        }
    }
}

extension TestServer {
    private static let foreign = Task {
        let server = try await shared
        try await server.psql("CREATE ROLE foreign_other SUPERUSER")
        for encoding in DatabaseEncoding.allCases {
            try await server.psql(
                "CREATE DATABASE \(encoding.database) TEMPLATE template0 ENCODING '\(encoding.rawValue)' LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        }
        for role in ForeignRole.allCases {
            let settings = role.settings.map { name, value in
                name == "search_path"
                    ? "ALTER ROLE \(role.name) SET search_path = \(value);"
                    : "ALTER ROLE \(role.name) SET \(name) = '\(value)';"
            }
            try await server.psql(
                "CREATE ROLE \(role.name) LOGIN SUPERUSER PASSWORD '\(server.password)'; \(settings.joined())"
            )
        }
    }

    /// Provides a pool for the database of an encoding, with a role.
    func withForeignPool<Value>(
        _ encoding: DatabaseEncoding,
        _ role: ForeignRole = .plain,
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        try await TestServer.foreign.value
        return try await withPool(
            .native,
            {
                $0.parameters = ["dbname": encoding.database, "user": role.name]
                $0.pool.maximumConnections = 1
                configure(&$0)
            },
            body
        )
    }

    /// Returns the result of statements in the database of an encoding.
    func psql(_ sql: String, in encoding: DatabaseEncoding) async throws -> String {
        try await psql(sql, connection: ["PGDATABASE": encoding.database, "PGCLIENTENCODING": "UTF8"])
    }
}
