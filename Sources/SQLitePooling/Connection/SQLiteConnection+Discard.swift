// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConnection {
    /// Closes the connection when the body has ended, whatever state it is in. The pool opens another on demand.
    ///
    /// For a connection whose state SQLite cannot tell, such as one that a loaded extension has changed. Statements before the
    /// end of the body run as usual, and its transaction is committed or rolled back as usual.
    ///
    /// - Complexity: O(1).
    public func discardAfterUse() { session.isSpent = true }
}
