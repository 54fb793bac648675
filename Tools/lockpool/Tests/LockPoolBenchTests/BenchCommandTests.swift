// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("lockpool bench", .serialized)
struct BenchCommandTests {
    private let folder: SampleFolder

    init() throws {
        folder = try SampleFolder()
    }

    private func lockpool(_ arguments: [String]) -> BuiltCommand {
        BuiltCommand(arguments: arguments, temporaryFolder: folder.url)
    }

    private func bench(_ arguments: String...) -> BuiltCommand {
        lockpool(["bench", "--clients", "8", "--connections", "2", "--duration", "0.1"] + arguments)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    // MARK: - Help

    @Test("Help goes to standard output, and names every option")
    func help() async throws {
        let result = try await lockpool(["bench", "--help"]).run()
        #expect(result.exitCode == 0)
        #expect(result.errors.isEmpty)
        for option in [
            "sqlite", "postgres", "sql", "write-sql", "clients", "connections", "one-thread", "duration", "json",
            "quiet",
        ] {
            #expect(result.output.contains("\n  --\(option)") || result.output.contains(" --\(option) "))
        }
    }

    @Test("The version has three components")
    func version() async throws {
        let result = try await lockpool(["--version"]).run()
        #expect(result.exitCode == 0)
        #expect(result.output.split(separator: ".").count == 3)
    }

    // MARK: - Runs

    @Test("Without a database, bench makes a sample, prints its path, and prints a table")
    func sample() async throws {
        let result = try await bench().run()
        #expect(result.exitCode == 0)
        #expect(result.errors.hasPrefix("A sample database is in \(folder.url.path)"))
        #expect(result.output.hasPrefix("8 clients on 2 connections, "))
        #expect(result.output.contains("\ncheckouts per second "))
        #expect(result.output.hasSuffix("errors                               0\n"))
    }

    @Test("With --quiet, standard error stays empty")
    func quiet() async throws {
        let result = try await bench("--quiet").run()
        #expect(result.exitCode == 0)
        #expect(result.errors.isEmpty)
    }

    @Test("The statement runs on the given file", arguments: SampleFolder.Journal.allCases)
    func ownDatabase(journal: SampleFolder.Journal) async throws {
        let path = try await folder.makeDatabase(journal: journal)
        let before = try folder.contents("shop.db")
        let result = try await bench(
            "--sqlite",
            path,
            "--sql",
            "SELECT * FROM item WHERE id = :random(1,100)",
            "--json",
            "-"
        ).run()
        let report = try object(result.output)
        #expect(result.exitCode == 0)
        #expect(report["system"] as? String == "SQLite")
        #expect(report["database"] as? String == path)
        #expect(try #require(report["checkouts"] as? Int) >= 8)
        #expect(report["rows"] as? Int == report["checkouts"] as? Int)
        #expect(report["errorCount"] as? Int == 0)
        #expect(try #require(report["connectionsCreated"] as? Int) <= 2)
        #expect(try folder.contents("shop.db") == before)
    }

    @Test("A read-only file can be used")
    func readOnlyFile() async throws {
        let path = try await folder.makeDatabase()
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
        let before = try folder.contents("shop.db")
        let result = try await bench("--sqlite", path, "--sql", "SELECT count(*) FROM item").run()
        #expect(result.exitCode == 0)
        #expect(try folder.contents("shop.db") == before)
    }

    @Test(
        "A write follows each read, none is lost, and the database keeps its journal mode",
        arguments: SampleFolder.Journal.allCases
    )
    func writes(journal: SampleFolder.Journal) async throws {
        let path = try await folder.makeDatabase(journal: journal)
        let result = try await bench(
            "--clients",
            "1",
            "--sqlite",
            path,
            "--sql",
            "SELECT sold FROM item WHERE id = :random(1,100)",
            "--write-sql",
            "UPDATE item SET sold = sold + 1 WHERE id = :random(1,100)",
            "--json",
            "-"
        ).run()
        #expect(result.exitCode == 0)
        let report = try object(result.output)
        let turns = try #require((report["turns"] as? [String: Int])?["luckiest"])
        #expect(turns > 0)
        #expect(report["checkouts"] as? Int == 2 * turns)
        #expect(report["writeLatencyNanoseconds"] != nil)
        #expect(try await folder.number("SELECT sum(sold) FROM item", in: path) == turns)
        #expect(try folder.journal("shop.db") == journal)
    }

    @Test("Failed turns are counted and listed after the table, with exit code 1")
    func failingTurns() async throws {
        let path = try await folder.makeDatabase()
        let result = try await bench(
            "--quiet",
            "--sqlite",
            path,
            "--sql",
            "SELECT 1",
            "--write-sql",
            "INSERT INTO receipt (id) VALUES (:random(1,1))"
        ).run()
        #expect(result.exitCode == 1)
        #expect(result.output.contains("UNIQUE constraint failed: receipt.id"))
        #expect(try #require(result.onlyErrorLine).contains("turns failed, most often: "))
        #expect(try await folder.number("SELECT count(*) FROM receipt", in: path) == 1)
    }

    @Test("The figures are written to a file in addition to the table")
    func jsonFile() async throws {
        let result = try await bench("--json", folder.path("figures.json")).run()
        #expect(result.exitCode == 0)
        #expect(result.output.hasPrefix("8 clients on 2 connections, "))
        let report = try object(String(decoding: folder.contents("figures.json"), as: UTF8.self))
        #expect(report["clients"] as? Int == 8)
        #expect(report["endedBy"] as? String == "duration")
    }

    // MARK: - Signals

    @Test(
        "A signal ends the run, and the table is printed",
        .timeLimit(.minutes(2)),
        arguments: [(SIGINT, 130, "SIGINT"), (SIGTERM, 143, "SIGTERM")]
    )
    func signals(signal: Int32, exitCode: Int32, name: String) async throws {
        let command = lockpool(["bench", "--clients", "8", "--connections", "2", "--duration", "3600"])
        let result = try await command.run(sending: signal, after: " of 3600.0 s: ")
        #expect(result.exitCode == exitCode)
        #expect(result.output.contains(", ended early by \(name)\n"))
        #expect(result.output.hasSuffix("errors                               0\n"))
    }

    // MARK: - Bad input

    @Test(
        "An invalid command line prints one line, with exit code 64",
        arguments: [
            (["--clients", "0"], "--clients is 0"),
            (["--clients", "-3"], "--clients is -3"),
            (["--clients", "many"], "'many' is invalid"),
            (["--connections", "0"], "--connections is 0"),
            (["--duration", "0"], "--duration is 0"),
            (["--duration", "-1"], "--duration is -1"),
            (["--duration", "nan"], "--duration is nan"),
            (["--sql", ""], "--sql: the SQL statement is empty"),
            (["--sql", "SELECT :random(2)"], "':random' takes two whole numbers"),
            (["--sql", "SELECT :id"], "':id' has no value"),
            (["--sql", "DELETE FROM user"], "--sql writes"),
            (["--sql", "BEGIN"], "--sql is not a query"),
            (["--write-sql", "SELECT 1"], "--write-sql does not write"),
            (["--sqlite", "", "--sql", "SELECT 1"], "--sqlite needs the path"),
            (["--json", ""], "--json needs the path"),
            (["--unknown"], "Unknown option '--unknown'"),
            (["what"], "Unexpected argument 'what'"),
        ]
    )
    func misuse(arguments: [String], complaint: String) async throws {
        let result = try await lockpool(["bench"] + arguments).run()
        #expect(result.exitCode == 64)
        #expect(result.output.isEmpty)
        let line = try #require(result.onlyErrorLine, "\(result.errors)")
        #expect(line.hasPrefix("lockpool: ") && line.contains(complaint), "\(line)")
    }

    @Test(
        "An unusable database prints one line, with exit code 1, and stays unchanged",
        arguments: [
            ("missing.db", ["--sql", "SELECT 1"], "no such file"),
            ("", ["--sql", "SELECT 1"], "is a directory"),
            ("text.db", ["--sql", "SELECT * FROM item"], "not a database"),
            ("shop.db", ["--sql", "SELECT * FROM absent"], "no such table: absent"),
            ("shop.db", ["--sql", "SELEKT 1"], "syntax error"),
            ("shop.db", ["--sql", "SELECT 1", "--write-sql", "UPDATE absent SET a = 1"], "no such table: absent"),
            (
                "shop.db", ["--sql", "SELECT 1", "--write-sql", "INSERT INTO item (id) VALUES (:random(1,100))"],
                "UNIQUE constraint failed"
            ),
            ("fixed.db", ["--sql", "SELECT 1", "--write-sql", "UPDATE item SET sold = 1"], "is read-only"),
            ("shop.db", ["--sql", "SELECT 1", "--json", "no/such/folder"], "cannot write to no/such/folder"),
        ]
    )
    func unusable(name: String, arguments: [String], complaint: String) async throws {
        _ = try await folder.makeDatabase()
        _ = try await folder.makeDatabase("fixed.db")
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: folder.path("fixed.db"))
        _ = try folder.makeFile("text.db", String(repeating: "This is no database. ", count: 100))
        let before = try ["shop.db", "fixed.db", "text.db"].map(folder.contents)

        let path = name.isEmpty ? folder.url.path : folder.path(name)
        let result = try await lockpool(["bench", "--sqlite", path] + arguments).run()
        #expect(result.exitCode == 1)
        #expect(result.output.isEmpty)
        let line = try #require(result.onlyErrorLine, "\(result.errors)")
        #expect(line.hasPrefix("lockpool: ") && line.contains(complaint), "\(line)")
        #expect(try ["shop.db", "fixed.db", "text.db"].map(folder.contents) == before)
    }

    @Test("A write that fails its check preserves the journal mode")
    func failedTrialKeepsJournal() async throws {
        let path = try await folder.makeDatabase(journal: .rollback)
        let result = try await lockpool(["bench", "--sqlite", path, "--sql", "SELECT 1", "--write-sql", "VACUUM"]).run()
        #expect(result.exitCode == 1)
        #expect(try #require(result.onlyErrorLine).contains("cannot VACUUM from within a transaction"))
        #expect(try folder.journal("shop.db") == .rollback)
        #expect(try await folder.number("SELECT count(*) FROM item", in: path) == 100)
    }

    @Test("A database without a statement is rejected", arguments: [[], ["--write-sql", "DELETE FROM item"]])
    func databaseWithoutStatement(arguments: [String]) async throws {
        let path = try await folder.makeDatabase()
        let result = try await lockpool(["bench", "--sqlite", path] + arguments).run()
        #expect(result.exitCode == 64)
        #expect(result.onlyErrorLine == "lockpool: --sqlite needs --sql, the statement that the clients run")
    }

    @Test("The figures never overwrite the database", arguments: ["shop.db", "shop.db-wal", "link.db"])
    func figuresOverDatabase(name: String) async throws {
        let path = try await folder.makeDatabase()
        try FileManager.default.createSymbolicLink(atPath: folder.path("link.db"), withDestinationPath: path)
        let before = try folder.contents("shop.db")
        let result = try await lockpool(
            ["bench", "--sqlite", path, "--sql", "SELECT 1", "--json", folder.path(name)]
        ).run()
        #expect(result.exitCode == 64)
        #expect(try #require(result.onlyErrorLine).contains("would overwrite the database"))
        #expect(try folder.contents("shop.db") == before)
    }
}
