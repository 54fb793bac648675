// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Data: SQLiteEncodable {
    /// The bytes, which SQLite copies.
    public var sqliteParameter: SQLiteParameter { .data(self) }
}

extension UUID: SQLiteEncodable {
    /// The UUID, as ``SQLiteConfiguration/uuids`` says.
    public var sqliteParameter: SQLiteParameter { .uuid(self) }
}

extension Date: SQLiteEncodable {
    /// The instant, as ``SQLiteConfiguration/dates`` says.
    ///
    /// A statement with a date that the strategy cannot represent fails with the code `parameterRange`.
    public var sqliteParameter: SQLiteParameter { .date(self) }
}
