// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// PostgreSQL's binary format of a `numeric`: base-10,000 digits and the position of the point.
///
/// The bytes must outlive the value.
@safe
struct Numeric {
    enum Kind: UInt16 {
        case positive = 0x0000
        case negative = 0x4000
        case notANumber = 0xC000
        case infinity = 0xD000
        case negativeInfinity = 0xF000
    }

    let kind: Kind

    /// The power of 10,000 by which the first digit is multiplied.
    let weight: Int

    /// The number of decimal digits after the point.
    let scale: Int

    let digitCount: Int

    private let digits: UnsafeRawBufferPointer

    /// The whole representation.
    private let content: UnsafeRawBufferPointer

    /// Returns `nil` if the bytes are not those of a number.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = unsafe ByteReader(bytes)
        guard
            let count = reader.integer(UInt16.self), let weight = reader.integer(Int16.self),
            let kind = reader.integer(UInt16.self).flatMap({ Kind(rawValue: $0) }),
            let scale = reader.integer(UInt16.self), scale <= 0x3FFF,
            // Otherwise the number has no form without leading zeros, and no server sends it.
            Int(weight) - Int(count) >= Int(Int16.min),
            let digits = unsafe reader.bytes(2 * Int(count)), reader.isAtEnd
        else { return nil }
        self.kind = kind
        self.weight = Int(weight)
        self.scale = Int(scale)
        digitCount = Int(count)
        unsafe self.digits = digits
        unsafe content = bytes
        for index in 0..<digitCount where digit(index) > 9_999 { return nil }
    }

    /// Returns a digit; 0 before the first one and after the last one.
    func digit(_ index: Int) -> UInt16 {
        guard 0..<digitCount ~= index else { return 0 }
        // Each digit has two bytes.
        return unsafe UInt16(bigEndian: digits.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
    }

    /// Whether the number is neither infinite nor `NaN`.
    var isFinite: Bool { kind == .positive || kind == .negative }

    /// Returns the number as an integer; `nil` if it is not whole or out of range.
    func integer<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard isFinite else { return nil }
        var magnitude: UInt64 = 0
        for index in 0..<max(digitCount, weight + 1) {
            if index > weight {
                guard digit(index) == 0 else { return nil }
                continue
            }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10_000)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(digit(index)))
            if overflow || sumOverflow { return nil }
            magnitude = sum
        }
        return Number(exactly: kind == .negative ? -Int128(magnitude) : Int128(magnitude))
    }

    /// The number in the server's notation.
    var text: String {
        switch kind {
        case .notANumber: return "NaN"
        case .infinity: return "Infinity"
        case .negativeInfinity: return "-Infinity"
        case .positive, .negative: break
        }
        var text: [UInt8] = []
        func append(_ digit: UInt16) {
            for power in [1_000, 100, 10, 1] as [UInt16] { text.append(UInt8(ascii: "0") + UInt8(digit / power % 10)) }
        }
        if weight >= 0 { for index in 0...weight { append(digit(index)) } }
        let zeros = text.prefix { $0 == UInt8(ascii: "0") }.count
        text.removeFirst(zeros)
        if text.isEmpty { text.append(UInt8(ascii: "0")) }
        if scale > 0 {
            text.append(UInt8(ascii: "."))
            let end = text.count + scale
            var index = weight + 1
            // A weight below -1 means zeros after the point: digits before the first one.
            if weight < 0 {
                index = 0
                for _ in 0..<(-1 - weight) where text.count < end { append(0) }
            }
            while text.count < end {
                append(digit(index))
                index += 1
            }
            text.removeLast(text.count - end)
        }
        return (kind == .negative ? "-" : "") + String(decoding: text, as: UTF8.self)
    }

    /// Returns the bytes of a number in decimal digits, with at most one point and a leading minus
    /// sign.
    static func bytes(of text: String) -> [UInt8] {
        var text = text.utf8[...]
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { text = text.dropFirst() }
        let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.endIndex
        return bytes(whole: text[..<point], fraction: text[point...].dropFirst(), isNegative: isNegative)
    }

    /// Returns the bytes of a number with these decimal digits, in ASCII, before and after the
    /// point.
    static func bytes(
        whole: some Collection<UInt8>,
        fraction: some Collection<UInt8>,
        isNegative: Bool
    ) -> [UInt8] {
        // Complete base-10,000 digits on both sides of the point.
        var decimals = [UInt8](repeating: 0, count: (4 - whole.count % 4) % 4)
        decimals += whole.lazy.map { $0 - UInt8(ascii: "0") }
        let weight = decimals.count / 4 - 1
        decimals += fraction.lazy.map { $0 - UInt8(ascii: "0") }
        decimals += repeatElement(0, count: (4 - decimals.count % 4) % 4)
        let digits = stride(from: 0, to: decimals.count, by: 4).map { start in
            decimals[start..<start + 4].reduce(UInt16(0)) { 10 * $0 + UInt16($1) }
        }
        return bytes(digits: digits[...], weight: weight, scale: fraction.count, isNegative: isNegative)
    }

    /// Returns the bytes of a number with these base-10,000 digits, without zeros at either end.
    private static func bytes(digits: ArraySlice<UInt16>, weight: Int, scale: Int, isNegative: Bool) -> [UInt8] {
        let zeros = digits.prefix { $0 == 0 }.count
        var digits = digits.dropFirst(zeros)
        while digits.last == 0 { digits.removeLast() }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 2 * digits.count)
        bytes.append(bigEndian: UInt16(digits.count))
        bytes.append(bigEndian: Int16(digits.isEmpty ? 0 : weight - zeros))
        bytes.append(bigEndian: (isNegative && !digits.isEmpty ? Kind.negative : .positive).rawValue)
        bytes.append(bigEndian: Int16(scale))
        for digit in digits { bytes.append(bigEndian: digit) }
        return bytes
    }

    /// A copy of the bytes in canonical form, the only one that the server sends.
    var canonicalBytes: [UInt8] {
        guard isFinite else { return [0, 0, 0, 0, UInt8(kind.rawValue >> 8), 0, 0, 0] }
        if digitCount > 0, digit(0) != 0, digit(digitCount - 1) != 0 { return unsafe Array(content) }
        let digits = (0..<digitCount).map(digit)
        return Self.bytes(digits: digits[...], weight: weight, scale: scale, isNegative: kind == .negative)
    }

    /// Compares two numbers like the server: returns -1, 0 or 1 if the first is less, equal or
    /// greater. `NaN` equals itself, and is greater than all others. Both must be in the form of
    /// ``canonicalBytes``.
    static func order(_ first: borrowing Numeric, _ second: borrowing Numeric) -> Int {
        func rank(_ number: borrowing Numeric) -> Int {
            switch number.kind {
            case .negativeInfinity: -2
            case .negative: -1
            case .positive: number.digitCount == 0 ? 0 : 1
            case .infinity: 2
            case .notANumber: 3
            }
        }
        func sign(_ difference: Int) -> Int { difference.signum() }
        let (one, other) = (rank(first), rank(second))
        guard one == other, abs(one) == 1 else { return sign(one - other) }
        // Both have the sign of `one`. If it is positive, the greater magnitude is the greater
        // number.
        if first.weight != second.weight { return one * sign(first.weight - second.weight) }
        for index in 0..<max(first.digitCount, second.digitCount) {
            let difference = Int(first.digit(index)) - Int(second.digit(index))
            if difference != 0 { return one * sign(difference) }
        }
        return 0
    }
}

extension Numeric {
    /// Returns the number whose description has the same digits, apart from trailing zeros; `nil`
    /// if there is none.
    func floatingPoint<Number: BinaryFloatingPoint & LosslessStringConvertible>() -> Number? {
        switch kind {
        case .notANumber: return .nan
        case .infinity: return .infinity
        case .negativeInfinity: return -.infinity
        case .positive, .negative: break
        }
        // No finite number has more digits before the point, or a first digit further after it.
        guard weight < 78, weight >= -82 || digitCount == 0 else { return nil }
        guard let number = Number(text), number.isFinite else { return nil }
        guard let described = PostgresNumeric("\(number)"), described == PostgresNumeric(self) else { return nil }
        return number
    }
}
