// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import SQLitePooling

/// The service of Examples/Service under load by `wrk`: on `SQLitePool`, on GRDB and on
/// `PostgresPool`, each in a separate process.
enum ServiceRows {
    static let linkCount = 10_000

    /// The paths and URLs that Scripts/bench sets.
    struct Environment {
        let services: String
        let script: String
        let postgres: String

        static func fromEnvironment() -> Environment {
            func variable(_ name: String) -> String {
                guard let value = ProcessInfo.processInfo.environment[name] else {
                    Options.fail("\(name) is not set; Scripts/bench service sets it")
                }
                return value
            }
            return Environment(
                services: variable("LOCKPOOL_BENCH_SERVICES"),
                script: variable("LOCKPOOL_BENCH_WRK_SCRIPT"),
                postgres: variable("LOCKPOOL_BENCH_POSTGRES")
            )
        }
    }

    /// The results of one run of `wrk`.
    struct Load {
        let endpoint: String
        let connections: Int
        var quota = ""

        func row(_ subject: String, _ figure: String) -> String {
            "service.\(subject).\(endpoint).c\(connections)\(quota).\(figure)"
        }
    }

    /// The figures of one run.
    struct Figures {
        let perSecond: Double
        let p99Milliseconds: Double
        let processorMicroseconds: Double
    }

    /// A service, and a closure that fills its database.
    struct Subject {
        let name: String
        let executable: String
        let database: String
        let execute: @Sendable (_ statement: Statement) async throws -> Void

        enum Statement { case fill, empty }
    }

    /// Measures all rows.
    ///
    /// - Returns: Whether all requests were answered. Rows with an unanswered request are omitted.
    static func run(_ options: Options, into report: inout Report) async throws -> Bool {
        let environment = Environment.fromEnvironment()
        Children.endOnSignals()
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        Children.atEnd { try? FileManager.default.removeItem(at: folder) }
        defer { Children.end() }
        let subjects = try [
            sqlite("sqlite", "\(environment.services)/link-service", folder),
            sqlite("grdb", "\(environment.services)/link-service-grdb", folder),
            postgres("\(environment.services)/link-service", environment.postgres),
            Subject(name: "none", executable: "\(environment.services)/link-service-grdb", database: "none") { _ in },
        ]
        var results = Results()
        let seconds = options.isQuick ? 1 : 3
        if options.wants("load") {
            var loads = [Load(endpoint: "resolve", connections: 64), Load(endpoint: "resolve", connections: 256)]
            let others = ["create", "list"].flatMap { endpoint in
                [64, 256].map { Load(endpoint: endpoint, connections: $0) }
            }
            try await measure(subjects, [], environment, &results) { race in
                for round in 0..<5 {
                    say("Round \(round + 1) of 5 …")
                    // A short run has one round of these.
                    if !options.isQuick || round == 0 { loads += others }
                    for load in loads { try await race(load, seconds) }
                    loads = Array(loads.prefix(2))
                }
            }
        }
        if options.wants("quota") {
            guard let quota = ProcessorQuota.oneProcessor() else {
                say("This system has no quota of processor time; the rows with quota1 are left out.")
                return results.report(into: &report)
            }
            say("One processor for each service, by \(quota.description) …")
            try await measure(subjects, quota.command, environment, &results) { race in
                for round in 0..<5 {
                    say("Round \(round + 1) of 5 …")
                    for connections in [64, 256] {
                        try await race(Load(endpoint: "resolve", connections: connections, quota: ".quota1"), seconds)
                    }
                }
            }
        }
        return results.report(into: &report)
    }

    /// Runs `body` while all services run, filled and warm, and stops them.
    private static func measure(
        _ subjects: [Subject],
        _ prefix: [String],
        _ environment: Environment,
        _ results: inout Results,
        _ body: (_ race: (Load, _ seconds: Int) async throws -> Void) async throws -> Void
    ) async throws {
        var services: [(Subject, ServiceProcess)] = []
        for subject in subjects {
            let service = try ServiceProcess(prefix + [subject.executable], database: subject.database)
            services.append((subject, service))
            // The service has made the table.
            try await subject.execute(.empty)
            try await subject.execute(.fill)
            say("Warming up \(subject.name) …")
            _ = try wrk(service, Load(endpoint: "resolve", connections: 64), seconds: 1, environment)
        }
        var taken = results
        try await body { load, seconds in
            for (subject, service) in services {
                do {
                    taken.add(try wrk(service, load, seconds: seconds, environment), load, subject.name)
                } catch {
                    say("\(load.row(subject.name, "*")): \(error)")
                    taken.fail(load, subject.name)
                }
                // All services have the same links before each load.
                if load.endpoint == "create" {
                    try await subject.execute(.empty)
                    try await subject.execute(.fill)
                }
            }
            taken.compare(load)
        }
        results = taken
        for (_, service) in services { service.stop() }
    }

    /// Loads a service and measures it.
    private static func wrk(
        _ service: ServiceProcess,
        _ load: Load,
        seconds: Int,
        _ environment: Environment
    ) throws -> Figures {
        let before = try service.processorTime()
        let text = try Command.run(
            "/usr/bin/env",
            [
                "wrk", "--threads", "1", "--connections", "\(load.connections)", "--duration", "\(seconds)s",
                "--timeout", "10s", "--script", environment.script, service.url, "--", load.endpoint,
            ]
        )
        let used = try service.processorTime() - before
        guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("lockpool ") }) else {
            throw ServiceProcess.Failure(description: "wrk has printed no figures: \(text)")
        }
        let figures = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard figures.count == 5, figures[0] > 0 else {
            throw ServiceProcess.Failure(description: "wrk has had no answers: \(line)")
        }
        guard figures[3] == 0, figures[4] == 0 else {
            throw ServiceProcess.Failure(
                description: "\(Int(figures[3])) errors of sockets, \(Int(figures[4])) answers that are no 2xx or 3xx"
            )
        }
        return Figures(
            perSecond: figures[0] / figures[1] * 1e6,
            p99Milliseconds: figures[2] / 1e3,
            processorMicroseconds: used / figures[0] * 1e6
        )
    }

    private static func sqlite(_ name: String, _ executable: String, _ folder: URL) throws -> Subject {
        let path = folder.appending(path: "\(name).sqlite").path()
        let pool = try SQLitePool(path)
        return Subject(name: name, executable: executable, database: path) { statement in
            try await pool.write { db in
                switch statement {
                case .empty: _ = try db.execute("DELETE FROM link")
                case .fill:
                    for number in 0..<linkCount {
                        _ = try db.execute(
                            "INSERT INTO link (code, url, hits) VALUES (\(code(number)), \(url(number)), 0)"
                        )
                    }
                }
            }
        }
    }

    private static func postgres(_ executable: String, _ server: String) throws -> Subject {
        var configuration = PostgresConfiguration(server)
        configuration.pool.maximumConnections = 1
        let pool = try PostgresPool(configuration)
        // Without TLS, as in the benchmarks of the pool: the rows measure the round trip to the
        // server.
        let database = server + (server.contains("?") ? "&" : "?") + "sslmode=disable"
        return Subject(name: "postgres", executable: executable, database: database) { statement in
            switch statement {
            case .empty: try await pool.execute("TRUNCATE link")
            case .fill:
                let (codes, urls) = ((0..<linkCount).map { code($0) }, (0..<linkCount).map { url($0) })
                try await pool.execute(
                    "INSERT INTO link (code, url, hits) SELECT code, url, 0 FROM unnest(\(codes), \(urls)) AS new (code, url)"
                )
                try await pool.execute("VACUUM ANALYZE link")
            }
        }
    }

    private static func code(_ number: Int) -> String { "code" + String(String(100_000 + number).dropFirst()) }
    private static func url(_ number: Int) -> String { "https://example.com/articles/\(number)" }

    static func say(_ message: String) { FileHandle.standardError.write(Data("\(message)\n".utf8)) }
}

extension ServiceRows {
    /// The figures of all rounds, and the rows without a figure because of an unanswered request.
    struct Results {
        private var rounds: [(row: String, value: Double, unit: String)] = []
        private var last: [String: Figures] = [:]
        private var failed: Set<String> = []

        mutating func add(_ figures: Figures, _ load: Load, _ subject: String) {
            rounds.append((load.row(subject, "rps"), figures.perSecond, "1/s"))
            rounds.append((load.row(subject, "p99ms"), figures.p99Milliseconds, "ms"))
            rounds.append((load.row(subject, "cpuus"), figures.processorMicroseconds, "µs"))
            last[subject] = figures
        }

        mutating func fail(_ load: Load, _ subject: String) {
            for figure in ["rps", "p99ms", "cpuus"] { failed.insert(load.row(subject, figure)) }
            for figure in ["rpspergrdb", "cpupergrdb"] { failed.insert(load.row("sqlite", figure)) }
            last[subject] = nil
        }

        /// Compares the SQLite pool with GRDB in the same round, because the speed of a machine
        /// changes for seconds at a time.
        mutating func compare(_ load: Load) {
            guard let own = last["sqlite"], let rival = last["grdb"] else { return }
            rounds.append((load.row("sqlite", "rpspergrdb"), own.perSecond / rival.perSecond, "× GRDB's"))
            rounds.append(
                (
                    load.row("sqlite", "cpupergrdb"),
                    own.processorMicroseconds / rival.processorMicroseconds, "× GRDB's"
                )
            )
        }

        /// Adds the rows whose requests were all answered, and reports the others.
        ///
        /// - Returns: Whether there are no others.
        func report(into report: inout Report) -> Bool {
            for (row, value, unit) in rounds where !failed.contains(row) { report.add(row, value, unit) }
            for row in failed.sorted() { say("error: \(row) has no figure, because requests failed") }
            return failed.isEmpty
        }
    }
}
