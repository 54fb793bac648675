// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

func copying(_ pool: PostgresPool) async throws {
    try await pool.executeScript("DROP TABLE IF EXISTS reading; CREATE TABLE reading (id int, place text, note text)")
    // guide: copy
    let stored = try await pool.copy(to: "reading", columns: ["id", "place", "note"]) { writer in
        for id in 1...1_000 {
            try await writer.write(id, "place \(id % 3)", id == 7 ? "first" : nil)
        }
    }
    print(stored)  // 1000
    // end
    // guide: copy-bytes
    let lines = "1001,garden\n1002,roof\n"
    try await pool.copy("COPY reading (id, place) FROM STDIN (FORMAT csv)") { writer in
        try await writer.write(lines.utf8)
    }
    // end
    // guide: copy-out
    try await pool.withConnection { db in
        var sum = 0
        for try await (id, note) in db.copy(from: "SELECT id, note FROM reading", as: (Int, String?).self) {
            sum += note == nil ? id : 0
        }
        print(sum)  // 502496
        for try await chunk in db.copyBytes("COPY (TABLE reading ORDER BY id DESC LIMIT 1) TO STDOUT (FORMAT csv)") {
            print(String(decoding: chunk, as: UTF8.self), terminator: "")  // 1002,roof,
        }
    }
    // end
    try await pool.execute("DROP TABLE reading")
}
