// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPoolBench
import Testing

@Suite("Figures for people")
struct FiguresTests {
    @Test(
        "Numbers have groups of three digits",
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567"),
            (Int.min, "-9,223,372,036,854,775,808"),
        ]
    )
    func grouped(number: Int, text: String) {
        #expect(number.grouped == text)
    }

    @Test(
        "Durations have three digits and a suitable unit",
        arguments: [
            (0, "0 ns"), (7, "7 ns"), (999, "999 ns"), (1_000, "1 µs"), (1_234, "1.23 µs"), (9_996, "10 µs"),
            (12_345, "12.3 µs"), (99_960, "100 µs"), (999_499, "999 µs"), (999_500, "1 ms"), (1_500_000, "1.5 ms"),
            (2_000_000_000, "2 s"), (3_599_000_000_000, "3599 s"),
        ] as [(UInt64, String)]
    )
    func durations(nanoseconds: UInt64, text: String) {
        #expect(nanoseconds.asDuration == text)
    }

    @Test("Quoted text neither breaks the line of a message nor moves the cursor")
    func oneLine() {
        #expect("a\n  b\r\nc\td\u{1B}[2J\u{7}".onOneLine == "a b c d[2J")
    }
}
