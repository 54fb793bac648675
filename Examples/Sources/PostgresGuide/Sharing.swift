// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

func sharing(_ server: String) async throws {
    // guide: multiplexing
    var configuration = PostgresConfiguration(server)
    configuration.multiplexing = .singleStatements(connections: 2)
    let pool = try PostgresPool(configuration)
    let sums = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 1...100 {
            group.addTask { try await pool.queryOne("SELECT \(number) + 1", as: Int.self) }
        }
        return try await group.reduce(0, +)
    }
    print(sums)  // 5150
    print(pool.statistics.multiplexing.inFlight)  // 0
    // end
    await pool.close()
}
