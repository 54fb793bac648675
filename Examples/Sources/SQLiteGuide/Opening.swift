// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import SQLitePooling

/// Makes pools that are not used: a pool opens its file on its first use.
func makePools() throws {
    let fileName = ":memory:"
    // guide: paths
    let byPath = try SQLitePool("app.sqlite")
    let byURI = try SQLitePool(SQLiteConfiguration(uri: "file:app.sqlite?vfs=unix-excl"))
    let inMemory = try SQLitePool(":memory:")
    let named = try SQLitePool("./" + fileName)
    var readOnly = SQLiteConfiguration("app.sqlite")
    readOnly.mode = .readOnly
    let reading = try SQLitePool(readOnly)
    // end

    // guide: configuration
    var configuration = SQLiteConfiguration("app.sqlite")
    configuration.pool.maximumConnections = 8
    configuration.synchronous = .full
    configuration.cacheSizeKiB = 64 * 1_024
    configuration.busyTimeout = .seconds(2)
    configuration.pragmas = [
        SQLiteConfiguration.Pragma("temp_store", "MEMORY"),
        SQLiteConfiguration.Pragma("analysis_limit", 1_000, on: .writer),
    ]
    configuration.setup = ["ATTACH 'archive.sqlite' AS archive"]
    let pool = try SQLitePool(configuration)
    // end

    // guide: untrusted
    var untrusted = SQLiteConfiguration("upload.sqlite")
    untrusted.mode = .readOnly
    untrusted.trust = .untrusted
    untrusted.limits.steps = 10_000_000
    untrusted.limits.columns = 500
    let upload = try SQLitePool(untrusted)
    // end

    // guide: replication
    var replicated = SQLiteConfiguration("app.sqlite")
    replicated.checkpoints.isAutomatic = false
    let source = try SQLitePool(replicated)
    // end
    _ = (byPath, byURI, inMemory, named, reading, pool, upload, source)
}
