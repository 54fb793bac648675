// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The code of Docs/Pooling.md, which shows the parts between "// guide" and "// end".

try await use()
try await outage()
try await hang()
