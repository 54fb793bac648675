// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The prepared statements of a connection by their text, with least-recently-used eviction.
struct StatementCache {
    let capacity: Int
    private var statements: [ExactText: Statement] = [:]
    private var uses: UInt = 0

    init(capacity: Int) {
        self.capacity = capacity
        statements.reserveCapacity(capacity)
    }

    var count: Int { statements.count }

    /// Takes the statement with this text, if the cache contains it and it is not in use. O(1).
    mutating func take(_ text: String) -> Statement? {
        guard let statement = statements[ExactText(text)], !statement.isBusy else { return nil }
        uses += 1
        statement.lastUse = uses
        statement.isBusy = true
        return statement
    }

    /// Adds a new statement that is in use, unless the cache contains its text, or all other
    /// statements are in use. O(capacity), which is little beside a preparation.
    mutating func insert(_ statement: Statement) {
        guard capacity > 0, statements[ExactText(statement.text)] == nil else { return }
        if statements.count >= capacity {
            let idle = statements.values.lazy.filter { !$0.isBusy }
            guard let oldest = idle.min(by: { $0.lastUse < $1.lastUse }) else { return }
            statements[ExactText(oldest.text)] = nil
            oldest.finalize()
        }
        uses += 1
        statement.lastUse = uses
        statement.isCached = true
        statements[ExactText(statement.text)] = statement
    }

    /// Removes a statement that is in use; its user frees it.
    mutating func remove(_ statement: Statement) {
        guard statement.isCached else { return }
        statement.isCached = false
        statements[ExactText(statement.text)] = nil
    }

    /// Frees all statements.
    mutating func removeAll() {
        for statement in statements.values { statement.finalize() }
        statements = [:]
    }
}
