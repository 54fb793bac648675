// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Decimal: SQLiteEncodable {
    /// The number as a text, such as `19.99`, which holds all its digits.
    ///
    /// A column for it is declared as `TEXT`: one with numeric affinity would make a `REAL` of it, and keep 15 digits.
    /// A statement with a NaN, or with a number of 39 digits, which is not decoded, fails with the code `parameterRange`.
    public var sqliteParameter: SQLiteParameter {
        guard !isNaN else { return .invalid("is a Decimal that is not a number") }
        let text = description
        guard text.utf8.count <= 38 || Decimal(exactly: text, maximumDigits: 38) != nil else {
            return .invalid("is a Decimal of more than 38 digits")
        }
        return .text(text)
    }
}

extension Decimal: SQLiteDecodable {
    /// The value, if it is a number of at most 38 digits: a text, an integer, or a floating-point number.
    ///
    /// A `REAL` becomes the decimal number that SQLite and Swift print for it. One with more than 15 digits is refused: it can be
    /// the result of a rounding.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is not.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        switch column.storageType {
        case .integer:
            self.init(column.integer)
        case .text:
            let text = try String(column: column)
            guard let number = Decimal(exactly: text, maximumDigits: 38) else {
                throw column.mismatch("the text is no number that a Decimal holds exactly")
            }
            self = number
        case .real:
            guard let number = Decimal(exactly: "\(column.real)", maximumDigits: 15) else {
                throw column.mismatch("a Decimal needs a REAL of at most 15 digits, or TEXT")
            }
            self = number
        default:
            throw column.mismatch("a Decimal needs TEXT, an INTEGER or a REAL")
        }
    }

    /// The number that a text such as `-12.5e3` says, if no digit is lost.
    fileprivate init?(exactly text: String, maximumDigits: Int) {
        var utf8 = text.utf8[...]
        let isNegative = utf8.first == UInt8(ascii: "-")
        if isNegative || utf8.first == UInt8(ascii: "+") { utf8.removeFirst() }
        var digits: [UInt8] = []
        var (exponent, hasDigit, isFraction) = (0, false, false)
        while let byte = utf8.first {
            if UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
                hasDigit = true
                if isFraction { exponent -= 1 }
                if !digits.isEmpty || byte != UInt8(ascii: "0") { digits.append(byte - UInt8(ascii: "0")) }
            } else if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else {
                break
            }
            utf8.removeFirst()
        }
        guard hasDigit else { return nil }
        if let byte = utf8.first {
            guard byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E"), let number = Int(Substring(utf8.dropFirst())),
                -1_000...1_000 ~= number
            else { return nil }
            exponent += number
        }
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        guard digits.count <= maximumDigits, digits.isEmpty || -128...127 ~= exponent else { return nil }
        // A significand of 38 digits is exact.
        let significand = digits.reduce(Decimal(0)) { $0 * 10 + Decimal($1) }
        self = Decimal(
            sign: isNegative ? .minus : .plus,
            exponent: digits.isEmpty ? 0 : exponent,
            significand: significand
        )
    }
}

extension URL: SQLiteEncodable {
    /// The absolute URL as a text.
    public var sqliteParameter: SQLiteParameter { .text(absoluteString) }
}

extension URL: SQLiteDecodable {
    /// The value, if it is a text that is a URL.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is not.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        guard column.storageType == .text else { throw column.mismatch("a URL needs TEXT") }
        let text = try String(column: column)
        guard let url = URL(string: text, encodingInvalidCharacters: false), url.absoluteString == text else {
            throw column.mismatch("the text is no URL")
        }
        self = url
    }
}
