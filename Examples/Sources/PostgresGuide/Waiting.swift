// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling

func streaming(_ pool: PostgresPool) async throws {
    // guide: stream
    let total = try await pool.withConnection { db in
        var total = 0
        for try await row in db.stream("SELECT n FROM generate_series(1, \(100_000)) AS n") {
            total += try row.decode(Int.self, at: 0)
        }
        return total
    }
    print(total)  // 5000050000
    // end
}

func deadlines(_ pool: PostgresPool) async throws {
    // guide: deadline
    do {
        try await pool.execute("SELECT pg_sleep(60)", timeout: .milliseconds(50))
    } catch let error as PostgresError where error.code == .timedOut {
        print("The server has not answered in time.")
    }
    // end
}

func errors(_ pool: PostgresPool) async throws {
    let title = "Emma"
    // guide: error
    do {
        try await pool.execute("INSERT INTO book VALUES (\(title), 1)")
    } catch let error as PostgresError where error.sqlState == .uniqueViolation {
        print(error)
        print("Violated: \(error.server?.constraint ?? "?")")
        print("In full: \(error.server?.detail ?? "")")
    }
    // end
}

func seeing(_ pool: PostgresPool) async throws {
    let minimum = 2
    // guide: explain
    let plan = try await pool.explain("SELECT title FROM book WHERE copies > \(minimum)")
    print(plan.hasPrefix("Seq Scan on book"))  // true
    let times = try await pool.explain("DELETE FROM book WHERE copies > \(minimum)", analyze: true)
    print(times.contains("actual time="))  // true
    // end
}

func observing(_ url: String) async throws {
    // guide: statement observer
    struct SlowStatements: StatementObserver {
        func observe(_ event: StatementEvent) {
            if event.duration > .milliseconds(200) { print(event.duration, event.text, event.callSite ?? "") }
        }
    }
    let pool = try PostgresPool(url, statementObservers: [SlowStatements()])
    // end
    await pool.close()
}

func executing(_ url: String) async throws {
    // guide: executor
    let executor = PostgresExecutor()
    let pool = try PostgresPool(url, executor: executor)
    let total = try await withTaskExecutorPreference(executor) {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...100 {
                group.addTask { try await pool.query("SELECT \(number) * 2", as: Int.self)[0] }
            }
            return try await group.reduce(0, +)
        }
    }
    print(total)  // 10100
    // end
    await pool.close()
}

func ending(_ pool: PostgresPool) async {
    // guide: shutdown
    await pool.shutdown(drain: .seconds(10))
    // end
}
