// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The value of a statement's parameter, before the strategies of a pool say how it is stored.
///
/// The members are named after ``SQLiteValue``, so that a list of parameters reads as a list of values:
///
/// ```swift
/// SQL(unsafe: text, parameters: [.integer(3), .text("Emma"), .date(.now)])
/// ```
public struct SQLiteParameter: Sendable, Hashable {
    /// What is known of the value.
    indirect enum Content: Sendable, Hashable {
        case value(SQLiteValue)
        case data(Data)
        case date(Date)
        case uuid(UUID)
        case list([SQLiteParameter])
        case invalid(String)
    }

    let content: Content

    init(_ content: Content) { self.content = content }

    /// A value as SQLite stores it.
    public init(_ value: SQLiteValue) { content = .value(value) }

    /// `NULL`.
    public static var null: Self { Self(.null) }

    /// A signed integer.
    public static func integer(_ number: Int64) -> Self { Self(.integer(number)) }

    /// A floating-point number. A statement with a NaN fails with the code `parameterRange`.
    public static func real(_ number: Double) -> Self { Self(.real(number)) }

    /// A text.
    public static func text(_ text: String) -> Self { Self(.text(text)) }

    /// A blob.
    public static func blob(_ bytes: [UInt8]) -> Self { Self(.blob(bytes)) }

    /// A blob. SQLite copies the bytes from `data`.
    public static func data(_ data: Data) -> Self { Self(.data(data)) }

    /// An instant, stored as ``SQLiteConfiguration/dates`` says.
    public static func date(_ date: Date) -> Self { Self(.date(date)) }

    /// A UUID, stored as ``SQLiteConfiguration/uuids`` says.
    public static func uuid(_ uuid: UUID) -> Self { Self(.uuid(uuid)) }

    /// A list, as one parameter that `json_each()` makes the elements of: `IN (SELECT value FROM json_each(:ids))`.
    ///
    /// The elements are integers, texts and `NULL`. A statement with a blob, a floating-point number, or a text with a NUL
    /// character in the list fails with the code `parameterRange`: JSON does not hold those exactly. O(number of elements).
    public static func list(_ elements: some Sequence<some SQLiteEncodable>) -> Self {
        Self(.list(elements.map(\.sqliteParameter)))
    }

    /// A value that cannot be stored: a statement with it fails with the code `parameterRange`, and has not run.
    ///
    /// - Parameter reason: Why, as a predicate that follows “parameter 1”, such as “is colder than possible”.
    public static func invalid(_ reason: String) -> Self { Self(.invalid(reason)) }

    /// Whether this is the same value bit for bit, which canonically equivalent texts are not.
    func isIdentical(to other: Self) -> Bool {
        switch (content, other.content) {
        case (.value(.text(let one)), .value(.text(let other))): one.utf8.elementsEqual(other.utf8)
        case (.value(.real(let one)), .value(.real(let other))): one.bitPattern == other.bitPattern
        case (.list(let one), .list(let other)):
            one.elementsEqual(other) { $0.isIdentical(to: $1) }
        default: self == other
        }
    }
}

extension SQLiteParameter: CustomStringConvertible, CustomReflectable {
    /// What kind of value it is, without the value.
    public var description: String {
        switch content {
        case .value(let value): value.storageType.description
        case .data: "BLOB"
        case .date: "Date"
        case .uuid: "UUID"
        case .list(let elements): "list of \(elements.count)"
        case .invalid: "invalid"
        }
    }

    /// Shows no value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
