// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Scenarios in addition to those of the interleaving checker: small, for orderings that those do
/// not need.
extension Scenario {
    static let own: [Scenario] = []

    static let every = all + own
}
