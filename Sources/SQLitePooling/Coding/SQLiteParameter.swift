// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The value of a statement's parameter, independent of the pool's strategies.
///
/// The members are named after ``SQLiteValue``, so that a list of parameters reads as a list of
/// values:
///
/// ```swift
/// SQLiteQuery(unsafe: text, parameters: [.integer(3), .text("Emma"), .date(.now)])
/// ```
public struct SQLiteParameter: Sendable, Hashable {
    /// The unbound value.
    indirect enum Content: Sendable, Hashable {
        case value(SQLiteValue)
        case data(Data)
        case date(Date)
        case uuid(UUID)
        /// A list as JSON.
        case list([SQLiteParameter])
        /// A list for the table of lists.
        case elements([SQLiteParameter])
        case invalid(String)
    }

    let content: Content

    init(_ content: Content) { self.content = content }

    /// Creates a parameter from a value.
    public init(_ value: SQLiteValue) { content = .value(value) }

    /// `NULL`.
    public static var null: Self { Self(.null) }

    /// A signed integer.
    public static func integer(_ number: Int64) -> Self { Self(.integer(number)) }

    /// A floating-point number. A statement with a NaN fails with the code `encoding`.
    public static func real(_ number: Double) -> Self { Self(.real(number)) }

    /// Text.
    public static func text(_ text: String) -> Self { Self(.text(text)) }

    /// A blob.
    public static func blob(_ bytes: [UInt8]) -> Self { Self(.blob(bytes)) }

    /// A blob. SQLite copies the bytes from `data`.
    public static func data(_ data: Data) -> Self { Self(.data(data)) }

    /// An instant, stored in the form of ``SQLiteConfiguration/dates``.
    public static func date(_ date: Date) -> Self { Self(.date(date)) }

    /// A UUID, stored in the form of ``SQLiteConfiguration/uuids``.
    public static func uuid(_ uuid: UUID) -> Self { Self(.uuid(uuid)) }

    /// A list as a JSON array in one parameter, from which `json_each()` returns the elements:
    /// `IN (SELECT value FROM json_each(:ids))`. For a parameter with a name; `\(list: ids)` is
    /// faster and takes all elements.
    ///
    /// The elements are integers, texts and `NULL`. A statement whose list contains a blob, a
    /// floating-point number, or a text with a NUL character fails with the code `encoding`:
    /// JSON cannot represent them exactly. O(number of elements).
    public static func list(_ elements: some Sequence<some SQLiteEncodable>) -> Self {
        Self(.list(elements.map(\.sqliteParameter)))
    }

    /// A value that cannot be stored. A statement with it does not run and fails with the code
    /// `encoding`.
    ///
    /// - Parameter reason: The reason, as a predicate that follows “parameter 1”, such as “is
    ///   colder than possible”.
    public static func invalid(_ reason: String) -> Self { Self(.invalid(reason)) }

    /// Whether both values are identical bit for bit; canonically equivalent texts are not.
    func isIdentical(to other: Self) -> Bool {
        switch (content, other.content) {
        case (.value(.text(let one)), .value(.text(let other))): one.utf8.elementsEqual(other.utf8)
        case (.value(.real(let one)), .value(.real(let other))): one.bitPattern == other.bitPattern
        case (.list(let one), .list(let other)), (.elements(let one), .elements(let other)):
            one.elementsEqual(other) { $0.isIdentical(to: $1) }
        default: self == other
        }
    }
}

extension SQLiteParameter: CustomStringConvertible, CustomReflectable {
    /// The kind of the value, without the value.
    public var description: String {
        switch content {
        case .value(let value): value.storageType.description
        case .data: "BLOB"
        case .date: "Date"
        case .uuid: "UUID"
        case .list(let elements), .elements(let elements): "list of \(elements.count)"
        case .invalid: "invalid"
        }
    }

    /// A mirror without the value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
