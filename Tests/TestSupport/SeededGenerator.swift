// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A generator of random numbers that repeats its sequence for the same seed.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Returns the seed in the environment variable `LOCKPOOL_SEED`, or a new one. Prints it, so
    /// that a failure can be repeated.
    package static func seed(_ name: String) -> UInt64 {
        let named = ProcessInfo.processInfo.environment["LOCKPOOL_SEED"].flatMap(UInt64.init)
        let seed = named ?? UInt64.random(in: .min ... .max)
        print("\(name): LOCKPOOL_SEED=\(seed)")
        return seed
    }

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        // splitmix64
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
