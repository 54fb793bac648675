// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A number of PostgreSQL's `numeric`, as the digits that people read, and as it is sent: digits to base 10,000.
struct PostgresNumeric {
    private static let nan: UInt16 = 0xC000

    /// The decimal digits, or `NaN`, `Infinity`, `-Infinity`.
    let digits: String

    init(digits: String) { self.digits = digits }

    /// The number as it is sent. From a text of the form `-123.45`.
    var parameter: PostgresParameter {
        if digits == "NaN" {
            let bytes: [UInt16] = [0, 0, PostgresNumeric.nan, 0]
            return PostgresParameter(type: PostgresType.numeric, content: .binary(bytes.flatMap(\.networkBytes)))
        }
        let isNegative = digits.hasPrefix("-")
        let parts = digits.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        var whole = String(parts[0].drop { $0 == "0" })
        whole = String(repeating: "0", count: (4 - whole.count % 4) % 4) + whole
        let padded = fraction + String(repeating: "0", count: (4 - fraction.count % 4) % 4)
        let all = Array((whole + padded).utf8)
        var groups = stride(from: 0, to: all.count, by: 4).map { start in
            all[start..<start + 4].reduce(Int16(0)) { $0 * 10 + Int16($1 - 48) }
        }
        var weight = whole.count / 4 - 1
        while groups.first == 0 {
            groups.removeFirst()
            weight -= 1
        }
        while groups.last == 0 { groups.removeLast() }
        if groups.isEmpty { weight = 0 }
        let head = [
            Int16(groups.count), Int16(weight), isNegative && !groups.isEmpty ? 0x4000 : 0, Int16(fraction.count),
        ]
        return PostgresParameter(type: PostgresType.numeric, content: .binary((head + groups).flatMap(\.networkBytes)))
    }

    /// Reads what is sent; `nil` if it makes no sense.
    init?(_ reader: inout ByteReader) {
        guard
            let count = reader.next(UInt16.self), let weight = reader.next(Int16.self),
            let sign = reader.next(UInt16.self), let scale = reader.next(UInt16.self)
        else { return nil }
        switch sign {
        case 0xC000:
            digits = "NaN"
            return
        case 0xD000:
            digits = "Infinity"
            return
        case 0xF000:
            digits = "-Infinity"
            return
        case 0, 0x4000: break
        default: return nil
        }
        var groups: [Int] = []
        for _ in 0..<count {
            guard let group = reader.next(UInt16.self), group < 10_000 else { return nil }
            groups.append(Int(group))
        }
        func group(_ index: Int) -> String {
            let text = String(groups.indices.contains(index) ? groups[index] : 0)
            return String(repeating: "0", count: 4 - text.count) + text
        }
        var whole = ""
        if weight >= 0 { for index in 0...Int(weight) { whole += group(index) } }
        whole = String(whole.drop { $0 == "0" })
        var fraction = ""
        var index = Int(weight) + 1
        while fraction.utf8.count < Int(scale) {
            fraction += index < 0 ? "0000" : group(index)
            index += 1
        }
        digits =
            (sign == 0x4000 ? "-" : "") + (whole.isEmpty ? "0" : whole)
            + (scale > 0 ? "." + fraction.prefix(Int(scale)) : "")
    }
}
