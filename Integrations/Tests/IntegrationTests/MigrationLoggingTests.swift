// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import InMemoryLogging
import Logging
import PoolMigrations
import SQLitePooling
import Testing

@Suite struct MigrationLoggingTests {
    @Test("Applied and failed migrations are logged by name")
    func events() async throws {
        let handler = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in handler }
        let pool = try SQLitePool(":memory:")
        var migrations = SQLiteMigrations()
        migrations.add("001", "CREATE TABLE a (x)")
        migrations.add("002", "INSERT INTO nowhere VALUES (1)")
        await #expect(throws: MigrationError.self) {
            try await migrations.apply(to: pool) { $0.log(to: logger) }
        }
        await pool.close()
        #expect(handler.entries.map(\.level) == [.info, .notice, .info, .error])
        #expect(handler.entries.map { $0.metadata["migration"] } == ["001", "001", "002", "002"])
        #expect(handler.entries[1].metadata["duration"] != nil && handler.entries[3].metadata["error"] != nil)
    }
}
