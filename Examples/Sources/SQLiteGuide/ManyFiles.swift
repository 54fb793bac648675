// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import SQLitePooling

/// Pools for a file of each tenant.
func manyFiles() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tenants-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text = "Call back on Monday."

    // guide: many files
    var configuration = SQLitePoolsConfiguration()
    configuration.maximumOpenPools = 100
    configuration.database.synchronous = .full
    let tenants = try SQLitePools(folder: folder, configuration)

    try await tenants.withPool("acme") { pool in
        try await pool.executeScript("CREATE TABLE IF NOT EXISTS note (text)")
        try await pool.execute("INSERT INTO note VALUES (\(text))")
    }
    let notes = try await tenants.withPool("acme") { pool in
        try await pool.query("SELECT text FROM note", as: String.self)
    }
    // end
    print(notes)

    // guide: while closed
    try await tenants.whileClosed("acme") {
        try FileManager.default.removeItem(atPath: folder + "/acme.sqlite")
    }
    // end

    // guide: located files
    let shops = try SQLitePools<Int>(configuration, observers: [OpeningLog()]) { shop in
        guard shop > 0 else { throw UnknownShop(number: shop) }
        return .path("\(folder)/\(shop % 100)-\(shop).sqlite")
    }
    // end
    try await shops.withPool(7) { pool in try await pool.executeScript("CREATE TABLE sale (amount)") }
    await shops.close()

    // guide: many files, closing
    let state = tenants.snapshot
    print("\(state.open) of \(state.maximum) pools are open, \(state.waiting) callers wait")
    await tenants.shutdown()
    // end
}

// guide: opening log
struct UnknownShop: Error { let number: Int }

struct OpeningLog: SQLitePoolsObserver {
    func observe(_ event: SQLitePoolsEvent, in pools: String) {
        switch event {
        case .opened(let key, _): print("\(pools): opened \(key)")
        case .openFailed(let key, let error): print("\(pools): could not open \(key): \(error)")
        case .closed(let key, let reason, _): print("\(pools): closed \(key), \(reason)")
        }
    }
}
// end
