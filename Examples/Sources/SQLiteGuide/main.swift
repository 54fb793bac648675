// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling

// The code of Docs/SQLite.md, which shows what stands between "// guide" and "// end" here. It makes files in the folder where
// it runs.

try makePools()
let pool = try await overview()
try await statements(pool)
try await rows(pool)
try await values(pool)
try await transactions(pool)
try await errors(pool)
try await care(pool)
try await deletion(pool)
await pool.close()
