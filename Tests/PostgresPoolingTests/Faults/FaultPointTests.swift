// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Faults at each message of each feature.
@Suite(.timeLimit(.minutes(10))) struct FaultPointTests {
    @Test(
        "A call whose connection fails at any message ends with an error that is true, and leaves nothing",
        arguments: FaultFeature.allCases
    )
    func calls(_ feature: FaultFeature) async throws {
        let url = try await TestServer.shared.url
        let seed = SeededGenerator.seed("faults of \(feature)")
        await #expect(processExitsWith: .success) {
            [feature = feature as FaultFeature, url = url as String, seed = seed as UInt64] in
            try await FaultPoints.run(feature, url: url, seed: seed)
        }
    }
}
