// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

extension SQLiteError {
    /// The answer that the error allows; `nil` if the program or its data is at fault, or if no
    /// category describes the error.
    public var category: PoolError.Category? {
        switch code {
        case .constraintUnique, .constraintPrimaryKey, .constraintRowID, .busySnapshot: .conflict
        case .readOnlyMoved, .readOnlyRecovery: .unavailable
        default: code.primary.category
        }
    }
}

extension SQLiteError.Code {
    /// The category of a primary code or of a code of the library.
    fileprivate var category: PoolError.Category? {
        switch self {
        case .cannotOpen, .connectFailed, .closed, .inputOutput, .corrupt, .notADatabase, .writeAheadLogUnavailable:
            .unavailable
        case .busy, .locked, .protocolFailure, .timedOut, .deadlock, .readDurationExceeded, .threadUnavailable,
            .outOfMemory, .full:
            .busy
        case .constraint, .readOnly, .permission, .authorization, .refusedPragma, .stepLimitExceeded,
            .resultLimitExceeded, .invalidKey:
            .refused
        case .schemaChanged, .fileChanged, .sharedTransactionLost: .conflict
        default: nil
        }
    }
}
