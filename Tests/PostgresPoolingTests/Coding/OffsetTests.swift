// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct OffsetTests {
    @Test("Each UTC offset of PostgreSQL is parsed in a timetz and in a Date within JSON", arguments: [-1, 1])
    func all(sign: Int) throws {
        let noon = try #require(PostgresTime(hour: 12, minute: 0))
        for hours in 0...15 {
            for rest in [0, 1_800, 2_700, 3_540, 3_599] {
                let seconds = sign * (hours * 3_600 + rest)
                let time = try #require(PostgresTimeTZ(noon, secondsFromUTC: seconds))
                #expect(PostgresTimeTZ("\(time)") == time, "\(time)")
                let text = "2001-01-01T\(time)"
                let instant = Date(timeIntervalSinceReferenceDate: Double(43_200 - seconds))
                #expect(Date(jsonText: text) == instant, "\(text)")
            }
        }
        #expect(PostgresTimeTZ(noon, secondsFromUTC: sign * 57_600) == nil)
        #expect(PostgresTimeTZ("12:00:00\(sign < 0 ? "-" : "+")16") == nil)
    }
}
