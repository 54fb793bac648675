// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What distinguishes a statement from all others on any connection: 128 bits of a hash of its text and its parameters' types.
///
/// A pooler may send the execution of a prepared statement to a session that another client has prepared statements in. The same
/// name must never belong to two statements, so it comes from this.
struct StatementIdentity: Hashable, Sendable {
    private let words: [UInt32]

    /// - Parameters:
    ///   - text: The text of the statement, which has no NUL character.
    ///   - types: The object identifiers of the types that its parameters are sent with.
    /// - Complexity: O(length of `text`).
    init(text: String, types: [UInt32]) {
        var hash = SHA256()
        hash.update(text.utf8)
        // Ends the text, so that a text and types never look like another text.
        hash.update(CollectionOfOne(0))
        for type in types { hash.update((0..<4).map { UInt8(truncatingIfNeeded: type >> (24 - 8 * $0)) }) }
        words = Array(hash.finalize().prefix(4))
    }

    /// The name that the statement is prepared under: `lockpool_` and 32 hexadecimal digits.
    var name: String {
        words.reduce(into: "lockpool_") { name, word in
            let digits = String(word, radix: 16)
            name += String(repeating: "0", count: 8 - digits.count) + digits
        }
    }
}
