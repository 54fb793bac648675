// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolMigrations
import PostgresPooling
import SQLitePooling

/// A process that applies migrations to a database that other processes migrate at the same time,
/// or that is killed in the middle of a migration.
@main
struct MigrationChild {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else {
            print("usage: migration-child sqlite|postgres apply|hang|hang-without-transaction PATH|URL")
            exit(64)
        }
        if arguments[1] == "sqlite" {
            try await migrateSQLite(arguments[3], arguments[2])
        } else {
            try await migratePostgres(arguments[3], arguments[2])
        }
    }

    /// Prints a line at once, also into a pipe.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    private static func hang() -> Never {
        say("hanging")
        while true { pause() }
    }

    private static func migrateSQLite(_ path: String, _ action: String) async throws {
        var migrations = SQLiteMigrations()
        migrations.add("000_create", "CREATE TABLE run (number INTEGER)")
        if action == "apply" {
            for number in 1...30 {
                migrations.add("\(number)", "INSERT INTO run VALUES (1)", transaction: number % 10 == 0 ? .none : .own)
            }
        } else {
            migrations.add("001_hang", transaction: action == "hang" ? .own : .none) { db in
                try db.execute("INSERT INTO run VALUES (1)")
                hang()
            }
        }
        var configuration = SQLiteConfiguration(path)
        configuration.pool.checkoutTimeout = .seconds(600)
        let pool = try SQLitePool(configuration)
        for name in try await migrations.apply(to: pool) { say(name) }
        await pool.close()
    }

    private static func migratePostgres(_ url: String, _ action: String) async throws {
        var migrations = PostgresMigrations()
        migrations.schema = "child"
        migrations.add("000_create", "CREATE TABLE child.run (number integer)")
        if action == "apply" {
            for number in 1...20 {
                if number % 5 == 0 {
                    migrations.add(
                        "\(number)",
                        "CREATE INDEX CONCURRENTLY \(identifier: "run_\(number)") ON child.run (number)",
                        transaction: .none
                    )
                } else {
                    migrations.add("\(number)", "INSERT INTO child.run VALUES (1)")
                }
            }
        } else {
            migrations.add("001_hang", transaction: action == "hang" ? .own : .none) { db in
                try await db.execute("INSERT INTO child.run VALUES (1)")
                hang()
            }
        }
        var configuration = PostgresConfiguration(url)
        configuration.pool.checkoutTimeout = .seconds(600)
        configuration.pool.connectTimeout = .seconds(120)
        configuration.pool.maximumConnections = 1
        let pool = try PostgresPool(configuration)
        for name in try await migrations.apply(to: pool) { say(name) }
        await pool.close()
    }
}
