// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Data: SQLiteEncodable {
    /// The bytes.
    public var sqliteValue: SQLiteValue { .blob(Array(self)) }
}

extension UUID: SQLiteEncodable {
    /// A text of 36 characters, with capital letters.
    public var sqliteValue: SQLiteValue { .text(uuidString) }
}

extension Date: SQLiteEncodable {
    /// A text in UTC, such as `2026-02-28 13:45:00.250`, rounded to milliseconds: SQLite's functions take it, and such texts
    /// are ordered as the instants are.
    ///
    /// SQLite's dates end with the years 0 and 9999. An instant outside of them becomes the number of seconds since 1970.
    public var sqliteValue: SQLiteValue { sqliteText.map { .text($0) } ?? .real(timeIntervalSince1970) }
}
