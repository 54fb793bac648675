// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import LockPoolBench

/// `lockpool bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Runs your SQL on your database with many clients that share few connections.",
        discussion: """
            Each client runs --sql repeatedly, each time on a connection from the pool. A table then shows how long the \
            clients waited for connections, how long the statements took, and how fair the pool was to the clients.

            In a statement, :random(LOW,HIGH) is replaced by a new random integer at each execution. In PostgreSQL it is a \
            bigint; for another type, write :random(LOW,HIGH)::int.

            Each statement is checked before the run: --sql in a read-only transaction, and --write-sql in a transaction \
            that is rolled back. With --write-sql, each client runs that statement in a separate transaction after \
            each read.

            Without --write-sql, a SQLite file is opened for reading only and stays unchanged. With it, the database has a \
            write-ahead log during the run. Without --sqlite and --postgres, a sample database of 100,000 users is \
            made in a new temporary folder, and is not removed.

            --postgres takes a URL or keywords in libpq's format. Missing values come from PGHOST, PGUSER, PGPASSWORD, \
            .pgpass and so on. If the server rejects the password or requires one, and standard input is a terminal, \
            the command prompts for it. Without --sql, a sample table of 100,000 users is made in a new schema, which \
            is dropped at the end. With --one-thread, the clients run on the thread that receives the server's \
            answers, as in programs that use a PostgresExecutor.

            EXAMPLES:
              lockpool bench
              lockpool bench --clients 256 --connections 8
              lockpool bench --sqlite app.db --sql 'SELECT :random(1,6)'
              lockpool bench --postgres postgres://app@db.example.com/app

            The progress goes to standard error, and the table to standard output. Ctrl-C ends the run and prints the \
            table; a second Ctrl-C ends the process at once.

            EXIT CODES: 0 success; 1 an error, which is printed on one line; 64 an invalid command line; 130 and 143 \
            ended by SIGINT or SIGTERM, after the table.
            """
    )

    @Option(parsing: .unconditional, help: ArgumentHelp("The database file.", valueName: "file"))
    var sqlite: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The PostgreSQL server and database.", valueName: "url"))
    var postgres: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The statement that each client runs. Required with --sqlite.", valueName: "statement")
    )
    var sql: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "A statement that each client runs after each read, and that may write.",
            valueName: "statement"
        )
    )
    var writeSql: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The number of clients.", valueName: "number"))
    var clients = 64

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The number of connections that they share. In SQLite, writes use one more.",
            valueName: "number"
        )
    )
    var connections = 4

    @Flag(help: "With --postgres: run the clients on the thread that receives the answers.")
    var oneThread = false

    @Option(parsing: .unconditional, help: ArgumentHelp("The duration of the run.", valueName: "seconds"))
    var duration = 5.0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Also write the figures to a file as JSON; - writes them to standard output instead of the table.",
            valueName: "file"
        )
    )
    var json: String?

    @Flag(name: .shortAndLong, help: "Do not show the progress.")
    var quiet = false

    func run() async throws {
        try checkCombination()
        let sample = postgres != nil && sql == nil ? PostgresSample() : nil
        let plan = try BenchmarkPlan(
            sql: sql ?? sample?.sql ?? SampleDatabase.defaultSQL,
            writeSQL: writeSql,
            dialect: postgres == nil ? .sqlite : .postgres,
            clients: clients,
            connections: connections,
            isOnOneThread: oneThread,
            seconds: duration
        )
        let given = try sqlite.map { try DatabaseFile(path: $0, forWriting: writeSql != nil) }
        let destination = try json.map { try ReportDestination($0, database: given) }

        let report: BenchmarkReport
        if let postgres {
            // Before signals are handled, so that a signal ends the process while the server or
            // the user is slow to respond.
            let server = try await PostgresServer.find(postgres) { PasswordPrompt().ask() }
            report = try await run(plan, on: server, sample)
        } else {
            report = try await run(plan, on: given)
        }
        try publish(report, to: destination)
        try end(report)
    }

    private func checkCombination() throws {
        guard sqlite == nil || postgres == nil else {
            throw CommandFailure.usage("--sqlite and --postgres exclude each other: give one")
        }
        guard sqlite == nil || sql != nil else {
            throw CommandFailure.usage("--sqlite needs --sql, the statement that the clients run")
        }
        guard postgres != nil || !oneThread else {
            throw CommandFailure.usage("--one-thread needs --postgres: SQLite has its own threads")
        }
        guard postgres == nil || sql != nil || writeSql == nil else {
            throw CommandFailure.usage("--postgres with --write-sql needs --sql too: the sample is for reading only")
        }
    }

    /// Runs on the file that the user gave, or on a sample.
    ///
    /// Prints nothing before the statements are checked, so that an error is the only line.
    /// Removes a sample that was not used.
    private func run(_ plan: BenchmarkPlan, on given: DatabaseFile?) async throws -> BenchmarkReport {
        let interruptions = Interruptions()
        let meter = ProgressMeter(isQuiet: quiet)
        if let given {
            let benchmark = Benchmark(plan, on: given, meter: meter)
            try await benchmark.checkStatements()
            return try await run(benchmark, meter, until: interruptions)
        }
        let sample = try await SampleDatabase.make()
        let benchmark = Benchmark(plan, on: sample, meter: meter)
        do {
            try await benchmark.checkStatements()
        } catch {
            SampleDatabase.remove(sample)
            throw error
        }
        meter.say("A sample database is in \(sample.path)")
        return try await run(benchmark, meter, until: interruptions)
    }

    /// Runs on a server, with the sample if there is one, which is removed afterwards.
    private func run(
        _ plan: BenchmarkPlan,
        on server: PostgresServer,
        _ sample: PostgresSample?
    ) async throws -> BenchmarkReport {
        let interruptions = Interruptions()
        let meter = ProgressMeter(isQuiet: quiet)
        let benchmark = Benchmark(plan, on: server, meter: meter)
        guard let sample else {
            try await benchmark.checkStatements()
            return try await run(benchmark, meter, until: interruptions)
        }
        try await sample.make(on: server)
        let outcome: Result<BenchmarkReport, any Error>
        do {
            try await benchmark.checkStatements()
            meter.say("A sample table is in the schema \(sample.schema) during the run")
            outcome = .success(try await run(benchmark, meter, until: interruptions))
        } catch {
            outcome = .failure(error)
        }
        // A failed removal does not discard the results, but is reported.
        if let failure = await removal(of: sample, from: server) { complain(failure) }
        return try outcome.get()
    }

    private func removal(of sample: PostgresSample, from server: PostgresServer) async -> CommandFailure? {
        do {
            try await sample.remove(from: server)
            return nil
        } catch {
            return error
        }
    }

    private func run(
        _ benchmark: Benchmark,
        _ meter: ProgressMeter,
        until interruptions: Interruptions
    ) async throws -> BenchmarkReport {
        meter.say("\(clients.grouped) clients share \(connections.grouped) connections for \(duration.oneDecimal) s …")
        return try await benchmark.run(until: interruptions)
    }

    private func complain(_ failure: CommandFailure) {
        FileHandle.standardError.write(Data("lockpool: \(failure)\n".utf8))
    }

    private func publish(_ report: BenchmarkReport, to destination: ReportDestination?) throws {
        switch destination {
        case nil:
            print(report.table, terminator: "")
        case .standardOutput:
            print(report.json, terminator: "")
        case .file(let path):
            print(report.table, terminator: "")
            try report.json.write(over: path)
        }
    }

    /// Exits with the code that a shell expects of a process that was killed by the same signal.
    private func end(_ report: BenchmarkReport) throws {
        switch report.ending {
        case .interrupt: throw ExitCode(128 + SIGINT)
        case .termination: throw ExitCode(128 + SIGTERM)
        case .duration: break
        }
        if let failure = report.failures.first {
            throw CommandFailure.runtime("\(report.failureCount.grouped) turns failed, most often: \(failure.message)")
        }
    }
}
