// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// These types are parsed from their descriptions. They are also encoded as these, for example in
// JSON.

extension PostgresDate: LosslessStringConvertible, Codable {
    /// Parses a day such as `2026-11-28`; `nil` if the text is not a day.
    public init?(_ description: String) {
        var text = TimeText(description)
        guard let date = text.date(), text.isAtEnd else { return nil }
        self = date
    }

    /// Decodes the description.
    public init(from decoder: any Decoder) throws { self = try decoder.described() }

    /// Encodes the description.
    public func encode(to encoder: any Encoder) throws { try encoder.describe(self) }
}

extension PostgresTime: LosslessStringConvertible, Codable {
    /// Parses a time such as `19:40:12.25`; `nil` if the text is not a time.
    public init?(_ description: String) {
        var text = TimeText(description)
        guard let time = text.time(), text.isAtEnd else { return nil }
        self = time
    }

    /// Decodes the description.
    public init(from decoder: any Decoder) throws { self = try decoder.described() }

    /// Encodes the description.
    public func encode(to encoder: any Encoder) throws { try encoder.describe(self) }
}

extension PostgresTimeTZ: LosslessStringConvertible, Codable {
    /// Parses a time such as `19:40:12.25+05:45`; `nil` if the text is not a time with an offset.
    public init?(_ description: String) {
        var text = TimeText(description)
        guard let time = text.time(), let offset = text.offset(), text.isAtEnd else { return nil }
        self.init(time, secondsFromUTC: offset)
    }

    /// Decodes the description.
    public init(from decoder: any Decoder) throws { self = try decoder.described() }

    /// Encodes the description.
    public func encode(to encoder: any Encoder) throws { try encoder.describe(self) }
}

extension PostgresTimestamp: LosslessStringConvertible, Codable {
    /// Parses a timestamp such as `2026-11-28T19:40:12.123456`; `nil` if the text is not a
    /// timestamp.
    public init?(_ description: String) {
        var text = TimeText(description)
        guard let day = text.date(), text.skip("T") || text.skip(" "), let time = text.time(), text.isAtEnd else {
            return nil
        }
        self.init(day, time)
    }

    /// Decodes the description.
    public init(from decoder: any Decoder) throws { self = try decoder.described() }

    /// Encodes the description.
    public func encode(to encoder: any Encoder) throws { try encoder.describe(self) }
}

extension PostgresNumeric: Codable {
    /// Decodes the description.
    public init(from decoder: any Decoder) throws { self = try decoder.described() }

    /// Encodes the description as text, because a JSON number would lose digits.
    public func encode(to encoder: any Encoder) throws { try encoder.describe(self) }
}

extension PostgresLSN: Codable {
    /// Decodes the description.
    public init(from decoder: any Decoder) throws { self = try decoder.described() }

    /// Encodes the description.
    public func encode(to encoder: any Encoder) throws { try encoder.describe(self) }
}

extension PostgresMoney: Codable {}
extension PostgresOID: Codable {}
extension PostgresXID: Codable {}
extension PostgresXID8: Codable {}
extension PostgresCID: Codable {}

extension PostgresOrInfinity: Encodable where Value: Encodable {
    /// Encodes the value, or the text `infinity` or `-infinity`.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .value(let value): try value.encode(to: encoder)
        case .infinity, .negativeInfinity: try encoder.describe(self)
        }
    }
}

extension PostgresOrInfinity: Decodable where Value: Decodable {
    /// Decodes the text `infinity` or `-infinity`, or a value.
    public init(from decoder: any Decoder) throws {
        switch try? decoder.singleValueContainer().decode(String.self) {
        case "infinity": self = .infinity
        case "-infinity": self = .negativeInfinity
        default: self = .value(try Value(from: decoder))
        }
    }
}

extension Encoder {
    fileprivate func describe(_ value: some CustomStringConvertible) throws {
        var container = singleValueContainer()
        try container.encode(value.description)
    }
}

extension Decoder {
    fileprivate func described<Value: LosslessStringConvertible>() throws -> Value {
        let container = try singleValueContainer()
        guard let value = Value(try container.decode(String.self)) else {
            // Without the text, which may be a secret.
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "The text is no \(Value.self).")
        }
        return value
    }
}
