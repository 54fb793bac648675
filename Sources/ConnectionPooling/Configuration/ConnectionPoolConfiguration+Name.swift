// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension ConnectionPoolConfiguration {
    /// Returns the configuration with a name that no other unnamed pool of the process has.
    func named() -> ConnectionPoolConfiguration {
        var named = self
        if name == Self.unnamed { named.name = Self.uniqueName(name) }
        return named
    }

    /// The name of a configuration that names no pool.
    package static let unnamed = ConnectionPoolConfiguration().name

    /// Returns a unique name for an unnamed pool: `base` for the first, then “base 2” and so on.
    package static func uniqueName(_ base: String) -> String {
        let number = numbers.withLock { numbers in
            numbers[base, default: 0] += 1
            return numbers[base]!
        }
        return number == 1 ? base : "\(base) \(number)"
    }

    /// The number of pools that have received a name of each base.
    private static let numbers = Locked<[String: Int]>([:])
}
