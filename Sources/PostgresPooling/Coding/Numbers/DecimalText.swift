// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Appends a number that is not negative, with zeros in front up to this many digits.
    mutating func append(_ number: Int, width: Int) {
        let digits = "\(number)"
        self += repeatElement("0", count: max(0, width - digits.count))
        self += digits
    }

    /// Appends a point and up to six digits, without zeros at the end; nothing for 0.
    mutating func append(microseconds: Int) {
        guard microseconds != 0 else { return }
        self += "."
        append(microseconds, width: 6)
        while hasSuffix("0") { removeLast() }
    }
}
