// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

func notifying(_ pool: PostgresPool) async throws {
    // guide: notifications
    let notifications = try await pool.notifications(on: "orders", "prices")
    try await pool.notify("orders", payload: "17")
    try await pool.withTransaction { db in
        try await db.execute("UPDATE book SET copies = copies + 1")
        try await db.notify("prices", payload: "changed")
    }
    for await event in notifications {
        switch event {
        case .notification(let notification):
            print("\(notification.channel): \(notification.payload)")
        case .gap:
            print("Read everything again.")
        }
        if case .notification(let last) = event, last.channel == "prices" { break }
    }
    // end
}
