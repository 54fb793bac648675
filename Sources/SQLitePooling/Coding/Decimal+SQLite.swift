// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Decimal: SQLiteEncodable {
    /// The number as text, such as `19.99`, with all its digits.
    ///
    /// Declare the column as `TEXT`: a column with numeric affinity would store a `REAL` with 15
    /// digits. A statement with a NaN, or with a number of 39 digits, which cannot be decoded,
    /// fails with the code `encoding`.
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
    /// Decodes a number of at most 38 digits from text, an integer or a floating-point number.
    ///
    /// A `REAL` becomes the decimal number that SQLite and Swift print for it. A `REAL` with more
    /// than 15 digits is an error, because it can be the result of rounding.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not such a number.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        switch cell.storageType {
        case .integer:
            self.init(cell.integer)
        case .text:
            let text = try String(cell: cell)
            guard let number = Decimal(exactly: text, maximumDigits: 38) else {
                throw cell.mismatch("the text is not a number that a Decimal represents exactly")
            }
            self = number
        case .real:
            guard let number = Decimal(exactly: "\(cell.real)", maximumDigits: 15) else {
                throw cell.mismatch("a Decimal needs a REAL of at most 15 digits, or TEXT")
            }
            self = number
        default:
            throw cell.mismatch("a Decimal needs TEXT, an INTEGER or a REAL")
        }
    }

    /// Parses a number such as `-12.5e3`; `nil` if a digit would be lost.
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
