// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

extension PostgresError {
    /// The answer that the error allows; `nil` if the program or its data is at fault, or if no
    /// category describes the error.
    ///
    /// A lost connection is `unavailable`, also if the outcome of the statement is unknown: only
    /// ``isRetryable`` says whether a retry is safe. For an error that the server reports, the
    /// category follows from the ``sqlState``.
    public var category: PoolError.Category? {
        switch code {
        case .connectFailed: sqlState?.category == .busy ? .busy : .unavailable
        case .noServer, .connectionLost, .outcomeUnknown: .unavailable
        case .timedOut: .busy
        case .server: sqlState?.category
        default: nil
        }
    }
}

extension PostgresError.SQLState {
    fileprivate var category: PoolError.Category? {
        switch self {
        case .serializationFailure, .deadlockDetected, .uniqueViolation, .exclusionViolation: .conflict
        case .lockNotAvailable, .queryCanceled: .busy
        case .insufficientPrivilege, .readOnlyTransaction: .refused
        case .adminShutdown, .crashShutdown, .cannotConnectNow: .unavailable
        default:
            switch conditionClass {
            case "08": .unavailable
            case "53": .busy
            case "23", "28": .refused
            default: nil
            }
        }
    }
}
