// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

/// A bug, as a change to the text of a source.
struct Mutation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: String
    /// The scenario of the checker in which the bug is found; `nil` for bugs outside of the core.
    var scenario: String? = nil
    let original: String
    let mutant: String
}

extension Mutation {
    /// Returns the text of the source with the bug.
    ///
    /// - Throws: `MutationFailure` unless the original is once in `text`.
    func applied(to text: String) throws -> String {
        let count = text.ranges(of: original).count
        guard count == 1 else {
            throw MutationFailure(description: "the source has changed: this is \(count) times in \(file): \(original)")
        }
        return text.replacing(original, with: mutant)
    }
}

struct MutationFailure: Error, CustomStringConvertible {
    let description: String
}
