// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The URL of the server, from `DATABASE_URL`.
let databaseURL = ProcessInfo.processInfo.environment["DATABASE_URL"] ?? ""
