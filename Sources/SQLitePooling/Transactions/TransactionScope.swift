// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The transaction that a body runs in.
enum TransactionScope {
    /// A transaction that reads one snapshot of the database.
    case snapshot
    /// As `snapshot`; the function is called when the snapshot is taken.
    case snapshotNow(@Sendable () -> Void)
    /// A transaction that holds the write lock from its beginning.
    case immediate
    /// As `immediate`, without other writes in the transaction.
    case immediateAlone
    /// No transaction: each statement is its own.
    case none
    /// No transaction: the body is one statement.
    case statement

    var isWrite: Bool {
        switch self {
        case .immediate, .immediateAlone: true
        case .snapshot, .snapshotNow, .none, .statement: false
        }
    }

    var isStatement: Bool {
        if case .statement = self { true } else { false }
    }

    /// Whether other writes may be in the same transaction.
    var mayShareCommit: Bool {
        if case .immediate = self { true } else { false }
    }

    var opening: Session.ControlStatement? {
        switch self {
        case .snapshot, .snapshotNow: .begin
        case .immediate, .immediateAlone: .beginImmediate
        case .none, .statement: nil
        }
    }
}
