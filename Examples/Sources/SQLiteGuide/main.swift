// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling

// The code of Docs/SQLite.md, which shows the parts between "// guide" and "// end". It makes
// files in the current folder.

try makePools()
let pool = try await overview()
try await statements(pool)
try await rows(pool)
try await values(pool)
try await functions()
_ = withExtension()
try await transactions(pool)
try await errors(pool)
try await executor(pool)
try await changes(pool)
try await care(pool)
try await deletion(pool)
await pool.close()
try await manyFiles()
