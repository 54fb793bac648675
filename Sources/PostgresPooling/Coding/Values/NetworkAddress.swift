// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An IP address and the length of its network prefix, for `inet` and `cidr`.
struct NetworkAddress: Hashable, Sendable {
    /// 4 bytes of an IPv4 address, or 16 of an IPv6 address.
    let bytes: [UInt8]

    /// From 0 to 32 or 128.
    let prefixLength: Int

    init?(_ bytes: [UInt8], prefixLength: Int? = nil) {
        let bits = 8 * bytes.count
        guard bits == 32 || bits == 128, 0...bits ~= prefixLength ?? bits else { return nil }
        self.bytes = bytes
        self.prefixLength = prefixLength ?? bits
    }

    /// Parses an address in the usual notation, with or without `/` and the prefix length.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard 1...2 ~= parts.count, let bytes = Self.ipv4(parts[0]) ?? Self.ipv6(parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(bytes)
            return
        }
        guard let length = Self.decimal(parts[1], upTo: 128) else { return nil }
        self.init(bytes, prefixLength: length)
    }

    /// Whether no bit after the prefix is set.
    var isNetwork: Bool {
        bytes.indices.allSatisfy { index in
            let networkBits = min(max(prefixLength - 8 * index, 0), 8)
            return bytes[index] & UInt8(0xFF >> networkBits) == 0
        }
    }

    // MARK: Text

    private static func decimal(_ text: some StringProtocol, upTo limit: Int) -> Int? {
        guard 1...3 ~= text.utf8.count, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0"),
            let number = Int(text), number <= limit
        else { return nil }
        return number
    }

    private static func ipv4(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { decimal($0, upTo: 255).map(UInt8.init) }
        return parts.count == 4 && bytes.count == 4 ? bytes : nil
    }

    private static func ipv6(_ text: some StringProtocol) -> [UInt8]? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard 1...2 ~= halves.count, let first = groups(halves[0], isLast: halves.count == 1) else { return nil }
        if halves.count == 1 { return first.count == 16 ? first : nil }
        guard let last = groups(halves[1], isLast: true), first.count + last.count <= 14 else { return nil }
        return first + Array(repeating: 0, count: 16 - first.count - last.count) + last
    }

    /// Parses groups that colons separate. The last one may be an IPv4 address.
    private static func groups(_ text: some StringProtocol, isLast: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, let address = ipv4(part) {
                bytes += address
            } else {
                guard 1...4 ~= part.utf8.count, part.utf8.allSatisfy(\.isHexadecimal),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                bytes.append(bigEndian: group)
            }
        }
        return bytes
    }

    /// The address in PostgreSQL's notation.
    var addressText: String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
        // The first of the longest runs of at least two zeros.
        var zeros = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start >= 2, end - start > zeros.count { zeros = start..<end }
            start = max(end, start + 1)
        }
        let isEmbedded = zeros == 0..<6 || zeros == 0..<5 && groups[5] == 0xFFFF
        var tail = groups[(zeros.isEmpty ? 0 : zeros.upperBound)...].map { String($0, radix: 16) }
        if isEmbedded { tail = tail.dropLast(2) + [bytes[12...].map(String.init).joined(separator: ".")] }
        guard !zeros.isEmpty else { return tail.joined(separator: ":") }
        let head = groups[..<zeros.lowerBound].map { String($0, radix: 16) }
        return head.joined(separator: ":") + "::" + tail.joined(separator: ":")
    }

    // MARK: Binary format

    /// PostgreSQL's numbers of the two address families.
    private static let families: [UInt8: Int] = [2: 4, 3: 16]

    func parameter(_ type: PostgresType, isNetwork: Bool) -> PostgresParameter {
        let family: UInt8 = bytes.count == 4 ? 2 : 3
        let header = [family, UInt8(prefixLength), isNetwork ? 1 : 0, UInt8(bytes.count)]
        return PostgresParameter(type, .bytes(header + bytes))
    }

    init(_ cell: borrowing PostgresCell, for needs: String) throws(PostgresError) {
        var reader = try unsafe ByteReader(cell.value(for: needs))
        guard
            let family = reader.integer(UInt8.self), let bits = reader.integer(UInt8.self),
            reader.integer(UInt8.self) != nil, let count = reader.integer(UInt8.self),
            Self.families[family] == Int(count), let address = unsafe reader.bytes(Int(count)), reader.isAtEnd,
            let value = unsafe NetworkAddress(Array(address), prefixLength: Int(bits))
        else { throw cell.malformed }
        self = value
    }
}

extension UInt8 {
    /// Whether the byte is a hexadecimal digit in ASCII.
    var isHexadecimal: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        case UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: false
        }
    }
}
