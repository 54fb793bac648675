// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling
import SQLitePooling

// Uses both pools, so that they are linked.
let sqlite = try SQLitePool(":memory:")
print(try await sqlite.query("SELECT 1", as: Int.self))
await sqlite.close()
let postgres = try PostgresPool("host=/nowhere")
print(postgres.status)
await postgres.close()
