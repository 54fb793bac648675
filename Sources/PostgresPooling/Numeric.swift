// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// PostgreSQL's binary format of a `numeric`: digits to the base of 10,000, and where the point is.
///
/// The bytes that it is made from must live longer than it.
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

    /// The power of 10,000 that the first digit counts.
    let weight: Int

    /// How many decimal digits are shown behind the point.
    let scale: Int

    let digitCount: Int

    private let digits: UnsafeRawBufferPointer

    /// `nil` if the bytes are not those of a number.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = unsafe ByteReader(bytes)
        guard
            let count = reader.integer(Int16.self), let weight = reader.integer(Int16.self),
            let kind = reader.integer(UInt16.self).flatMap({ Kind(rawValue: $0) }),
            let scale = reader.integer(UInt16.self), scale <= 0x3FFF,
            let digits = unsafe reader.bytes(2 * Int(count)), reader.isAtEnd
        else { return nil }
        self.kind = kind
        self.weight = Int(weight)
        self.scale = Int(scale)
        digitCount = Int(count)
        unsafe self.digits = digits
        for index in 0..<digitCount where digit(index) > 9_999 { return nil }
    }

    /// A digit; 0 before the first and behind the last one.
    func digit(_ index: Int) -> UInt16 {
        guard 0..<digitCount ~= index else { return 0 }
        // There are two bytes for each of the digits.
        return unsafe UInt16(bigEndian: digits.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
    }

    /// The same number; `nil` if it is not whole, or does not fit.
    var unsigned: UInt64? {
        guard kind == .positive else { return nil }
        var number: UInt64 = 0
        for index in 0..<max(digitCount, weight + 1) {
            if index > weight {
                guard digit(index) == 0 else { return nil }
                continue
            }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10_000)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(digit(index)))
            if overflow || sumOverflow { return nil }
            number = sum
        }
        return number
    }

    /// The number as the server writes it.
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
            // A negative weight below -1 means zeros behind the point: digits before the first one.
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

    /// The bytes of a number that is written as decimal digits, with at most one point and a minus in front.
    static func bytes(of text: String) -> [UInt8] {
        var text = text.utf8[...]
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { text = text.dropFirst() }
        let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.endIndex
        var decimals = text[..<point].map { $0 - UInt8(ascii: "0") }
        // Whole digits to the base of 10,000 on both sides of the point.
        decimals.insert(contentsOf: repeatElement(0, count: (4 - decimals.count % 4) % 4), at: 0)
        var weight = decimals.count / 4 - 1
        let scale = text[point...].dropFirst().count
        decimals += text[point...].dropFirst().map { $0 - UInt8(ascii: "0") }
        decimals += repeatElement(0, count: (4 - decimals.count % 4) % 4)

        var digits = stride(from: 0, to: decimals.count, by: 4).map { start in
            decimals[start..<start + 4].reduce(UInt16(0)) { 10 * $0 + UInt16($1) }
        }[...]
        while digits.first == 0 {
            digits.removeFirst()
            weight -= 1
        }
        while digits.last == 0 { digits.removeLast() }

        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 2 * digits.count)
        bytes.append(bigEndian: Int16(digits.count))
        bytes.append(bigEndian: Int16(digits.isEmpty ? 0 : weight))
        bytes.append(bigEndian: (isNegative && !digits.isEmpty ? Kind.negative : .positive).rawValue)
        bytes.append(bigEndian: Int16(scale))
        for digit in digits { bytes.append(bigEndian: digit) }
        return bytes
    }
}
