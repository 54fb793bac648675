// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteError.Code {
    /// The call's `timeout` was over before the body was; what it has written is rolled back.
    public static let deadlineExceeded = Self(rawValue: -20)
    /// A body has called a blocking method of its own pool, which would wait for the connection that the body has; the call was
    /// refused at once.
    public static let deadlock = Self(rawValue: -17)
}
