// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteError.Code {
    /// A closure began a transaction and returned without ending it. The transaction is rolled back.
    public static let transactionLeftOpen = Self(rawValue: -21)
    /// Another write in the same transaction lost the whole transaction. Nothing has changed; the same call may succeed.
    public static let sharedTransactionLost = Self(rawValue: -22)
    /// The statement could undo the other writes in the same transaction. It has not run.
    public static let unshareable = Self(rawValue: -23)
    /// The pragma would break the pool. It has not run.
    public static let refusedPragma = Self(rawValue: -24)
}
