// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The tests share a server, which ends with them. Each has its own tables.
@Suite("lockpool bench --postgres", .serialized)
struct PostgresBenchTests {
    private let folder: SampleFolder
    private let server: TestServer

    init() async throws {
        folder = try SampleFolder()
        server = try await .shared
    }

    private func lockpool(_ arguments: [String], environment: [String: String] = [:]) -> BuiltCommand {
        BuiltCommand(arguments: ["bench"] + arguments, temporaryFolder: folder.url, environment: environment)
    }

    private func bench(_ arguments: String...) -> BuiltCommand {
        lockpool(
            ["--postgres", server.url, "--clients", "8", "--connections", "2", "--duration", "0.1"] + arguments
        )
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func url(user: String? = nil, password: String?, port: Int? = nil, database: String? = nil) -> String {
        let secret = password.map { ":\($0)" } ?? ""
        return "postgres://\(user ?? server.user)\(secret)@\(server.host):\(port ?? server.port)"
            + "/\(database ?? server.database)"
    }

    private func makeTable(_ name: String) async throws {
        try await server.psql(
            """
            CREATE TABLE \(name) (id bigint PRIMARY KEY, sold int NOT NULL DEFAULT 0);
            INSERT INTO \(name) SELECT generate_series(1, 100)
            """
        )
    }

    private var samples: String {
        get async throws {
            try await server.psql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'lockpool_sample%'")
        }
    }

    // MARK: - Runs

    @Test("Without a statement, bench makes a sample, prints its schema, prints a table, and drops the sample")
    func sample() async throws {
        let result = try await bench().run()
        #expect(result.exitCode == 0)
        #expect(result.errors.hasPrefix("A sample table is in the schema lockpool_sample_"), "\(result.errors)")
        #expect(result.output.hasPrefix("8 clients on 2 connections, "))
        #expect(result.output.contains("\nsystem:   PostgreSQL "))
        #expect(result.output.hasSuffix("errors                               0\n"))
        #expect(!(result.output + result.errors).contains(server.password))
        #expect(try await samples == "0")
    }

    @Test("With --one-thread, the clients run on the reactor's thread, and the report says so")
    func oneThread() async throws {
        let result = try await bench("--one-thread").run()
        #expect(result.exitCode == 0)
        #expect(result.output.hasPrefix("8 clients on 2 connections and one thread, "))
        #expect(result.output.hasSuffix("errors                               0\n"))
        let figures = try object(try await bench("--one-thread", "--json", "-").run().output)
        #expect(figures["isOnOneThread"] as? Bool == true && figures["checkouts"] as? Int != 0)
    }

    @Test("The statement runs on the given server, and the figures are printed as JSON")
    func ownDatabase() async throws {
        try await makeTable("item")
        let result = try await bench("--sql", "SELECT * FROM item WHERE id = :random(1,100)", "--json", "-").run()
        #expect(result.exitCode == 0, "\(result.errors)")
        let report = try object(result.output)
        #expect(report["system"] as? String == "PostgreSQL")
        #expect(try #require(report["systemVersion"] as? String).contains("."))
        #expect(report["database"] as? String == "\(server.database) on 127.0.0.1, port \(server.port)")
        #expect(report["sql"] as? String == "SELECT * FROM item WHERE id = :random(1,100)")
        #expect(try #require(report["checkouts"] as? Int) >= 8)
        #expect(report["rows"] as? Int == report["checkouts"] as? Int)
        #expect(report["errorCount"] as? Int == 0)
        #expect(1...2 ~= (try #require(report["connectionsCreated"] as? Int)))
        #expect(report["queryLatencyNanoseconds"] != nil)
        #expect(!(result.output + result.errors).contains(server.password))
    }

    @Test("A write follows each read, and none is lost")
    func writes() async throws {
        try await makeTable("stock")
        let result = try await bench(
            "--clients",
            "1",
            "--sql",
            "SELECT sold FROM stock WHERE id = :random(1,100)",
            "--write-sql",
            "UPDATE stock SET sold = sold + 1 WHERE id = :random(1,100)",
            "--json",
            "-"
        ).run()
        #expect(result.exitCode == 0, "\(result.errors)")
        let report = try object(result.output)
        let turns = try #require((report["turns"] as? [String: Int])?["luckiest"])
        #expect(turns > 0)
        #expect(report["checkouts"] as? Int == 2 * turns)
        #expect(report["writeLatencyNanoseconds"] != nil)
        #expect(try await server.psql("SELECT sum(sold) FROM stock") == String(turns))
    }

    @Test("Failed turns are counted and listed after the table, with exit code 1")
    func failingTurns() async throws {
        try await server.psql("CREATE TABLE receipt (id bigint PRIMARY KEY)")
        let result = try await bench(
            "--quiet",
            "--sql",
            "SELECT 1",
            "--write-sql",
            "INSERT INTO receipt VALUES (:random(1,1))"
        ).run()
        #expect(result.exitCode == 1)
        #expect(result.output.contains("duplicate key value violates unique constraint"))
        #expect(try #require(result.onlyErrorLine).contains("turns failed, most often: "))
        #expect(try await server.psql("SELECT count(*) FROM receipt") == "1")
    }

    @Test(
        "A signal ends the run, the table is printed, and the sample is dropped",
        .timeLimit(.minutes(2)),
        arguments: [(SIGINT, 130, "SIGINT"), (SIGTERM, 143, "SIGTERM")]
    )
    func signals(signal: Int32, exitCode: Int32, name: String) async throws {
        let command = lockpool(
            ["--postgres", server.url, "--clients", "8", "--connections", "2", "--duration", "3600"]
        )
        let result = try await command.run(sending: signal, after: " of 3600.0 s: ")
        #expect(result.exitCode == exitCode)
        #expect(result.output.contains(", ended early by \(name)\n"))
        #expect(result.output.hasSuffix("errors                               0\n"))
        #expect(try await samples == "0")
    }

    @Test("A signal ends a long statement", .timeLimit(.minutes(2)))
    func signalDuringStatement() async throws {
        // The check runs in a read-only transaction, and does not sleep.
        let command = lockpool(
            ["--postgres", server.url, "--clients", "2", "--connections", "1", "--duration", "3600"]
                + [
                    "--sql",
                    "SELECT pg_sleep(CASE current_setting('transaction_read_only') WHEN 'on' THEN 0 ELSE 3600 END)",
                ]
        )
        let result = try await command.run(sending: SIGINT, after: " of 3600.0 s: ")
        #expect(result.exitCode == 130, "\(result.errors)")
        #expect(result.output.contains("errors                               0\n"))
    }

    // MARK: - Passwords

    @Test("The password comes from PGPASSWORD, or from .pgpass")
    func passwordFromElsewhere() async throws {
        let arguments = ["--postgres", url(password: nil), "--duration", "0.1", "--sql", "SELECT 1"]
        let variable = try await lockpool(arguments, environment: ["PGPASSWORD": server.password]).run()
        #expect(variable.exitCode == 0, "\(variable.errors)")
        let path = try folder.makeFile("pgpass", "*:*:*:*:\(server.password)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let file = try await lockpool(arguments, environment: ["PGPASSFILE": path]).run()
        #expect(file.exitCode == 0, "\(file.errors)")
    }

    @Test("A missing or wrong password prints one line without the password, with exit code 1")
    func wrongPassword() async throws {
        let missing = try await lockpool(["--postgres", url(password: nil)]).run()
        #expect(missing.exitCode == 1)
        #expect(try #require(missing.onlyErrorLine).contains("asks for a password: put it into PGPASSWORD"))
        let wrong = try await lockpool(["--postgres", url(password: "hush4711")]).run()
        #expect(wrong.exitCode == 1)
        let line = try #require(wrong.onlyErrorLine, "\(wrong.errors)")
        #expect(line.contains("password authentication failed for user \"lockpool\""))
        #expect(!line.contains("hush4711"))
    }

    @Test(
        "A password that breaks the URL is rejected, and no part of it is printed",
        arguments: ["hu@sh4711", "hu/sh4711", "hu?sh4711", "hu/@sh4711", "hu#sh4711%"]
    )
    func unescapedPassword(password: String) async throws {
        let result = try await lockpool(["--postgres", url(password: password)]).run()
        #expect(result.exitCode != 0)
        let line = try #require(result.onlyErrorLine, "\(result.errors)")
        #expect(!line.contains("sh4711") && !line.contains("hu"), "\(line)")
    }

    // MARK: - Bad input

    @Test(
        "An invalid command line prints one line, with exit code 64",
        arguments: [
            (["--postgres", ""], "--postgres needs the URL"),
            (["--postgres", "nonsense"], "--postgres: the server is neither a URL"),
            (["--postgres", "mysql://u:hush4711@h/db"], "--postgres: the server is neither a URL"),
            (["--postgres", "postgres://h/db?unknown=1"], "the parameter of the URL “unknown” is not known"),
            (["--postgres", "postgres://h", "--sqlite", "a.db", "--sql", "SELECT 1"], "--sqlite and --postgres"),
            (["--postgres", "postgres://h", "--write-sql", "DELETE FROM t"], "needs --sql too"),
            (["--one-thread"], "--one-thread needs --postgres"),
            (["--postgres", "postgres://h", "--sql", "SELECT $1"], "'$1' has no value"),
            (["--postgres", "postgres://h", "--sql", "-- nothing"], "--sql: the SQL statement is empty"),
        ]
    )
    func misuse(arguments: [String], complaint: String) async throws {
        let result = try await lockpool(arguments).run()
        #expect(result.exitCode == 64)
        #expect(result.output.isEmpty)
        let line = try #require(result.onlyErrorLine, "\(result.errors)")
        #expect(line.hasPrefix("lockpool: ") && line.contains(complaint), "\(line)")
        #expect(!line.contains("hush4711"))
    }

    @Test(
        "A statement that cannot run prints one line, and changes nothing",
        arguments: [
            (["--sql", "SELEKT 1"], 1, "--sql: syntax error"),
            (["--sql", "SELECT * FROM absent"], 1, "--sql: relation \"absent\" does not exist"),
            (["--sql", "SELECT 1; SELECT 2"], 1, "--sql: cannot insert multiple commands"),
            (["--sql", "DELETE FROM shelf"], 64, "--sql writes"),
            (["--sql", "BEGIN"], 64, "--sql is not a query"),
            (["--sql", "SELECT 1", "--write-sql", "SELECT 1"], 64, "--write-sql does not write"),
            (["--sql", "SELECT 1", "--write-sql", "UPDATE absent SET a = 1"], 1, "relation \"absent\" does not exist"),
            (
                ["--sql", "SELECT 1", "--write-sql", "INSERT INTO shelf VALUES (:random(1,100))"], 1,
                "--write-sql: duplicate key value"
            ),
            (["--sql", "SELECT 1", "--write-sql", "VACUUM shelf"], 1, "--write-sql: VACUUM cannot run"),
        ]
    )
    func unusableStatement(arguments: [String], code: Int32, complaint: String) async throws {
        try await server.psql("DROP TABLE IF EXISTS shelf")
        try await makeTable("shelf")
        let result = try await lockpool(["--postgres", server.url] + arguments).run()
        #expect(result.exitCode == code)
        #expect(result.output.isEmpty)
        let line = try #require(result.onlyErrorLine, "\(result.errors)")
        #expect(line.hasPrefix("lockpool: ") && line.contains(complaint), "\(line)")
        #expect(try await server.psql("SELECT count(*), sum(sold) FROM shelf") == "100|0")
    }

    @Test("An unreachable server, or a missing database, prints one line, with exit code 1")
    func unreachable() async throws {
        // No server listens on port 1.
        let refused = try await lockpool(["--postgres", url(password: "hush4711", port: 1)]).run()
        #expect(refused.exitCode == 1)
        let line = try #require(refused.onlyErrorLine, "\(refused.errors)")
        #expect(line.hasPrefix("lockpool: cannot connect to the PostgreSQL server: ") && line.contains("port 1"))
        #expect(!line.contains("hush4711"))
        let absent = try await lockpool(["--postgres", url(password: server.password, database: "absent")]).run()
        #expect(absent.exitCode == 1)
        #expect(try #require(absent.onlyErrorLine).contains("database \"absent\" does not exist"))
    }

    @Test("A user without the privilege to make the sample gets an error, and nothing remains")
    func sampleForbidden() async throws {
        try await server.psql("CREATE ROLE reader LOGIN PASSWORD 'hush4711'")
        let result = try await lockpool(["--postgres", url(user: "reader", password: "hush4711")]).run()
        #expect(result.exitCode == 1)
        let line = try #require(result.onlyErrorLine, "\(result.errors)")
        #expect(line.contains("cannot make a sample table") && line.contains("permission denied"), "\(line)")
        #expect(try await samples == "0")
    }
}
