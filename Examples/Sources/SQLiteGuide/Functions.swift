// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import SQLitePooling

/// Calls closures from statements.
func functions() async throws {
    // guide: functions
    var configuration = SQLiteConfiguration(":memory:")
    configuration.functions = [
        .scalar("initials", isDeterministic: true) { (name: String) in
            name.split(separator: " ").map { String($0.prefix(1)) }.joined()
        },
        .variadic("longest") { values in
            values.compactMap { if case .text(let text) = $0 { text } else { nil } }.max { $0.count < $1.count }
        },
        .aggregate("product", initial: 1.0) { (product: inout Double, factor: Double) in
            product *= factor
        } result: {
            $0
        },
        .window("moving_sum", initial: 0) { (sum: inout Int, number: Int) in
            sum += number
        } inverse: { sum, number in
            sum -= number
        } result: {
            $0
        },
    ]
    configuration.collations = [
        SQLiteCollation("ignoring_marks") { one, other in
            one.compare(other, options: [.caseInsensitive, .diacriticInsensitive])
        }
    ]
    let people = try SQLitePool(configuration)
    // end

    // guide: calls
    try await people.execute("CREATE TABLE person (name TEXT, visits INTEGER)")
    try await people.execute("INSERT INTO person VALUES ('Zoe Orr', 2), ('Émile Zola', 3), ('Ada Byron', 4)")
    let initials = try await people.query(
        "SELECT initials(name), moving_sum(visits) OVER (ORDER BY name ROWS 1 PRECEDING) FROM person "
            + "ORDER BY name COLLATE ignoring_marks",
        as: (String, Int).self
    )
    print(initials)  // [("AB", 4), ("ÉZ", 5), ("ZO", 6)]
    print(
        try await people.queryOne(
            "SELECT product(visits), longest('a', 'bc', 1) FROM person",
            as: (Double, String).self
        )
    )
    // end
    // guide: handle
    let freed = try await people.read { db in
        unsafe db.withHandle { handle in unsafe sqlite3_db_release_memory(handle) }
    }
    // end
    print(freed == SQLITE_OK)
    await people.close()
}

/// Returns a configuration whose connections load an extension.
func withExtension() -> SQLiteConfiguration {
    // guide: extensions
    var spatial = SQLiteConfiguration("map.sqlite")
    spatial.extensions = [.init("/usr/lib/x86_64-linux-gnu/mod_spatialite.so")]
    // end
    return spatial
}
