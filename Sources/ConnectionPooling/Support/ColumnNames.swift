// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The camel case form of a name in snake case, as `JSONDecoder` converts it: leading and
    /// trailing underscores stay. For the back ends.
    package var convertedFromSnakeCase: String {
        let start = prefix { $0 == "_" }
        let end = dropFirst(start.count).reversed().prefix { $0 == "_" }
        let words = split(separator: "_")
        guard words.count > 1 else { return self }
        let rest = words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
        return start + words[0].lowercased() + rest.joined() + String(repeating: "_", count: end.count)
    }
}
