// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ConnectionPooling

/// The operations of statements, from their texts.
@Suite struct StatementOperationTests {
    @Test(
        "The operation is the first word behind comments and parentheses, in capital letters",
        arguments: [
            ("SELECT 1", "SELECT"), ("  select\n1", "SELECT"), ("Insert into t values (1)", "INSERT"),
            ("-- DELETE\n/* UPDATE */ WITH a AS (SELECT 1) SELECT 2", "WITH"), ("((SELECT 1))", "SELECT"),
            ("COMMIT", "COMMIT"), ("select(1)", "SELECT"), ("PRAGMA user_version", "PRAGMA"),
        ]
    )
    func known(_ text: String, _ operation: String) { #expect(StatementEvent.operation(of: text) == operation) }

    @Test(
        "A text that begins with no command has no operation",
        arguments: [
            "", " ", "SELEKT 1", "-- SELECT", "/* SELECT", "/*", "--", "1", "'SELECT'", "ſELECT 1", "SELECTED", "(",
        ]
    )
    func unknown(_ text: String) { #expect(StatementEvent.operation(of: text) == nil) }
}
