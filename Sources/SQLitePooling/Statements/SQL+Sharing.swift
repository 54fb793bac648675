// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQL {
    /// Whether the statement may be one of several in a transaction, with the same result as alone: a plain statement that changes data or
    /// the schema, and that cannot roll back the transaction by a conflict clause. `false` where there is any doubt.
    ///
    /// - Complexity: O(length of the text).
    var mayShareTransaction: Bool {
        let bytes = Array(text.utf8)[...]
        var words = SQLWords(bytes)
        guard let first = words.next() else { return false }
        if first.isWord("CREATE") {
            // A temporary object belongs to the connection, which is replaced afterwards.
            guard let object = words.next(), !object.isWord("TEMP"), !object.isWord("TEMPORARY") else { return false }
        } else {
            let isPlain =
                first.isWord("INSERT") || first.isWord("UPDATE") || first.isWord("DELETE") || first.isWord("REPLACE")
                || first.isWord("WITH") || first.isWord("DROP") || first.isWord("ALTER")
            guard isPlain else { return false }
        }
        return !SQLWords.mayRollBack(bytes)
    }
}
