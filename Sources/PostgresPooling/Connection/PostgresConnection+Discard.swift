// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Closes the connection when the body has ended, whatever state it is in. The pool makes another on demand.
    ///
    /// For a session whose state neither the pool nor the server's reports can know, such as one that an extension has changed.
    /// Statements before the end of the body run as usual.
    ///
    /// - Complexity: O(1); sends nothing.
    public func discardAfterUse() { link.session.isDiscarded = true }
}
