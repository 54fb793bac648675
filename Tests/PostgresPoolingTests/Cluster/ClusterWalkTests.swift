// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@Suite struct ClusterWalkTests {
    @Test("A topology keeps its promises in 2,000 random sequences of events")
    func walks() throws {
        let seed = SeededGenerator.seed("ClusterWalkTests")
        var counts: [ClusterWalk.Event: Int] = [:]
        for number in 0..<2_000 as Range<UInt64> {
            var walk = ClusterWalk(seed: seed &+ number)
            do {
                try walk.run(events: 100)
            } catch {
                print("The sequence of LOCKPOOL_SEED=\(seed &+ number):")
                var again = ClusterWalk(seed: seed &+ number, keepsLog: true)
                try again.run(events: 100)
            }
            counts.merge(walk.counts, uniquingKeysWith: +)
        }
        for event in ClusterWalk.Event.allCases {
            print("\(counts[event, default: 0])\t\(event)")
            #expect(counts[event, default: 0] > 0)
        }
    }
}
