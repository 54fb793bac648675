// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite struct LogFormatTests {
    @Test(
        "Behind the header of a page, a position is that of the page",
        arguments: [
            (8_216, 8_192), (8_232, 8_232), (8_192, 8_192), (8_217, 8_217),
            (16_777_256, 16_777_216), (16_777_240, 16_777_240), (16_777_264, 16_777_264),
        ] as [(UInt64, UInt64)]
    )
    func endOfRecord(_ position: UInt64, _ end: UInt64) {
        #expect(LogFormat().endOfRecord(PostgresLSN(rawValue: position)).rawValue == end)
    }

    @Test("A position survives its text and JSON", arguments: ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/1000028"])
    func roundTrips(_ text: String) throws {
        let position = try #require(PostgresLSN(text))
        #expect(position.description == text)
        #expect(try JSONDecoder().decode([PostgresLSN].self, from: JSONEncoder().encode([position])) == [position])
    }

    @Test(
        "Another text is no position",
        arguments: [
            "", "/", "1", "1/", "/1", "1/2/3", "+1/2", "1/-2", "g/0", "123456789/0", "000000001/0", " 1/2", "1/2\n",
            "１/2",
            "1/2'; DROP TABLE users; --", "0x1/2", "1/_2",
        ]
    )
    func refused(_ text: String) {
        #expect(PostgresLSN(text) == nil)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([PostgresLSN].self, from: JSONEncoder().encode([text]))
        }
    }

    @Test("A position beyond each log is a position")
    func largest() {
        #expect(PostgresLSN("FFFFFFFF/FFFFFFFF")?.rawValue == .max)
    }
}
