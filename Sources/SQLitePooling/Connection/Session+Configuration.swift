// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Applies what the configuration asks of this kind of connections besides its fields.
    func apply(_ pragmas: [SQLitePragma], of connections: SQLiteConnections) throws(SQLiteError) {
        for pragma in pragmas where !pragma.connections.isDisjoint(with: connections) {
            // SQLite would ignore it in silence.
            guard try knows(pragma) else {
                throw SQLiteError(.invalidConfiguration, "pragmas: SQLite has no pragma “\(pragma.name)”")
            }
            if pragma.name.lowercased().hasSuffix("_heap_limit"), sqlite3_memory_used() == 0 {
                throw SQLiteError(.invalidConfiguration, "pragmas: \(pragma.name): \(PragmaPolicy.uncountedMemory)")
            }
            try self.pragma(pragma.text)
        }
    }

    private func knows(_ pragma: SQLitePragma) throws(SQLiteError) -> Bool {
        let statement: Statement
        do {
            statement = try prepareOne("SELECT 1 FROM pragma_pragma_list WHERE name = lower(?)")
        } catch {
            // Built without the list.
            return true
        }
        defer { end(statement) }
        _ = try statement.bind([.text(pragma.name)])
        return try step(statement)
    }

    /// Runs the configuration's own code.
    func run(_ opening: SQLiteOpening) throws(SQLiteError) {
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let db = SQLiteConnection(session: self)
        try opening.run(db)
        if !isAutocommitting { throw transactionLeftOpen() }
    }
}

// MARK: - Maintenance

extension Session {
    /// Whether the connection's thread has to do maintenance after the present call is answered.
    ///
    /// - Complexity: O(databases).
    var isMaintenanceDue: Bool { isCheckpointDue || isStatisticsMaintenanceDue }

    /// Does the maintenance that is due: checkpoints, then statistics. Outside of transactions.
    func maintain() {
        makeDueCheckpoints()
        keepStatistics()
    }
}
