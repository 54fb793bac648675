// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

func pipelines(_ pool: PostgresPool) async throws {
    try await pool.execute("CREATE TABLE reader (name text PRIMARY KEY, loans integer NOT NULL)")
    try await pool.execute("INSERT INTO reader VALUES ('Eve', 2)")
    // guide: pipeline
    let (loans, names) = try await pool.withPipeline { pipeline in
        pipeline.execute("UPDATE reader SET loans = loans + 1 WHERE name = 'Eve'")
        let loans = pipeline.query("SELECT loans FROM reader WHERE name = 'Eve'", as: Int.self)
        let names = pipeline.query("SELECT name, loans > 2 FROM reader", as: (String, Bool).self)
        return (loans, names)
    }
    print(try loans.get()[0], try names.get())  // 3 [("Eve", true)]
    // end

    // guide: pipeline failure
    let results = try await pool.withPipeline(throwsFailures: false) { pipeline in
        let first = pipeline.execute("INSERT INTO reader VALUES ('Fay', 0)")
        let second = pipeline.execute("INSERT INTO reader VALUES ('Eve', 0)")
        pipeline.sync()
        return [first, second, pipeline.execute("INSERT INTO reader VALUES ('Gil', 0)")]
    }
    print(results.map(\.state))  // [.rolledBack, .failed, .done]
    // end

    // guide: pipeline transaction
    let total = try await pool.withPipeline(isolation: .serializable, settings: ["app.tenant": "7"]) { pipeline in
        pipeline.execute("UPDATE reader SET loans = loans + 1 WHERE name = 'Eve'")
        return pipeline.query("SELECT sum(loans)::int FROM reader", as: Int.self)
    }
    print(try total.get()[0])
    // end

    // guide: batch
    let counts = try await pool.batch(["SELECT count(*) FROM reader", "SELECT count(*) FROM book"])
    print(try counts.map { try $0.decode(as: Int.self)[0] })
    let added = try await pool.executeMany(1...1_000) { number in
        "INSERT INTO reader VALUES (\("reader \(number)"), 0)"
    }
    print(added)  // 1000
    // end
}
