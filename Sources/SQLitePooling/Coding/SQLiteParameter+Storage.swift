// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension SQLiteParameter {
    /// A value in the form in which it is bound.
    enum Stored: Sendable {
        case value(SQLiteValue)
        case data(Data)
        case list(ListTable.Elements)
    }

    /// The reason for which a value cannot be stored, as a predicate such as “is NaN”.
    struct NotStorable: Error {
        let reason: String
    }

    /// Returns the value in the form of the strategies.
    func stored(_ strategies: ValueStrategies) throws(NotStorable) -> Stored {
        switch content {
        case .value(.real(let number)) where number.isNaN:
            throw NotStorable(reason: "is NaN, which SQLite stores as NULL")
        case .value(let value):
            return .value(value)
        case .data(let data):
            return .data(data)
        case .date(let date):
            if let value = strategies.dates.value(date) { return .value(value) }
            throw NotStorable(
                reason: "is a Date that \(strategies.dates.name) does not store: \(strategies.dates.range)"
            )
        case .uuid(let uuid):
            return .value(strategies.uuids.value(uuid))
        case .list(let elements):
            return .value(.text(try Self.json(elements, strategies)))
        case .elements(let elements):
            return .list(try ListTable.Elements(elements, strategies))
        case .invalid(let reason):
            throw NotStorable(reason: reason)
        }
    }

    /// Returns a JSON array of the elements.
    private static func json(
        _ elements: [SQLiteParameter],
        _ strategies: ValueStrategies
    ) throws(NotStorable) -> String {
        var json = "["
        for (index, element) in elements.enumerated() {
            if index > 0 { json += "," }
            var kind = "a BLOB"
            switch try element.stored(strategies) {
            case .value(.null):
                json += "null"
                continue
            case .value(.integer(let number)):
                json += String(number)
                continue
            case .value(.text(let text)):
                if append(text, to: &json) { continue }
                kind = "a text with a NUL character"
            case .value(.real):
                kind = "a REAL"
            case .value(.blob), .data, .list:
                break
            }
            throw NotStorable(reason: "is a list with \(kind), which JSON cannot represent exactly")
        }
        return json + "]"
    }

    /// - Returns: Whether JSON can hold the text: SQLite ends a text at a NUL character.
    private static func append(_ text: String, to json: inout String) -> Bool {
        json += "\""
        for character in text.unicodeScalars {
            switch character {
            case "\0": return false
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\u{1}"..<" ": json += "\\u00" + (character.value < 16 ? "0" : "") + String(character.value, radix: 16)
            default: json.unicodeScalars.append(character)
            }
        }
        json += "\""
        return true
    }
}

extension SQLiteConfiguration.UUIDStrategy {
    func value(_ uuid: UUID) -> SQLiteValue {
        switch self {
        case .uppercaseText: .text(uuid.uuidString)
        case .lowercaseText: .text(uuid.uuidString.lowercased())
        case .blob: .blob(unsafe withUnsafeBytes(of: uuid.uuid) { unsafe Array($0) })
        }
    }
}

extension SQLiteParameter {
    /// The strings that an error message must not contain.
    var texts: [String] {
        switch content {
        case .value(.text(let text)): [text]
        case .value(.blob(let bytes)): [String(decoding: bytes, as: UTF8.self)]
        case .data(let data): [String(decoding: data, as: UTF8.self)]
        case .uuid(let uuid): [uuid.uuidString, uuid.uuidString.lowercased()]
        case .date(let date): [date.sqliteText(fractionalDigits: 3...6) ?? ""]
        case .list(let elements), .elements(let elements): elements.flatMap(\.texts)
        case .value, .invalid: []
        }
    }
}
