// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension ConnectionPoolConfiguration {
    /// The configuration with a name that no other unnamed pool of the process has.
    func named() -> ConnectionPoolConfiguration {
        var named = self
        if name == Self.unnamed { named.name = Self.uniqueName(name) }
        return named
    }

    /// The name of configurations that name no pool.
    package static let unnamed = ConnectionPoolConfiguration().name

    /// Returns a name for a pool that the program has not named: `base` for the first, then “base 2” and so on.
    package static func uniqueName(_ base: String) -> String {
        let number = numbers.withLock { numbers in
            numbers[base, default: 0] += 1
            return numbers[base]!
        }
        return number == 1 ? base : "\(base) \(number)"
    }

    /// How many pools have had a name of each base.
    private static let numbers = Locked<[String: Int]>([:])
}
