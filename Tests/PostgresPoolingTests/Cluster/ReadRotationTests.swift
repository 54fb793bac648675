// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite struct ReadRotationTests {
    private static let second: UInt64 = 1_000_000_000

    private func rotation(random: Double = 0) -> ReadRotation {
        ReadRotation(Backoff(base: 2 * Self.second, most: 8 * Self.second)) { random }
    }

    @Test("A server that has failed pauses, longer after each failure, up to a bound")
    func backOff() {
        let rotation = rotation()
        #expect(rotation.admits(at: 0))
        var now: UInt64 = 100
        // Half of 2, 4, 8 and 8 seconds, without chance.
        for pause in [1, 2, 4, 4].map({ $0 * Self.second }) {
            rotation.began(at: now)
            rotation.failed(at: now)
            #expect(!rotation.admits(at: now) && !rotation.admits(at: now + pause - 1))
            now += pause
            #expect(rotation.admits(at: now))
        }
    }

    @Test("The pauses of clients differ")
    func jitter() {
        let (short, long) = (rotation(random: 0), rotation(random: 0.5))
        for rotation in [short, long] { rotation.failed(at: 100) }
        let now = 100 + Self.second
        #expect(short.admits(at: now) && !long.admits(at: now))
        #expect(long.admits(at: now + Self.second / 2))
    }

    @Test("Reads that fail together are one failure")
    func together() {
        let rotation = rotation()
        for _ in 0..<10 { rotation.failed(at: 100) }
        #expect(rotation.admits(at: 100 + Self.second))
    }

    @Test("After a pause one read is tried, and its answer ends the pauses")
    func recovers() {
        let rotation = rotation()
        rotation.failed(at: 100)
        let now = 100 + Self.second
        rotation.began(at: now)
        #expect(!rotation.admits(at: now))
        rotation.succeeded()
        #expect(rotation.admits(at: now))
        // The next failure is the first one again.
        rotation.failed(at: now)
        #expect(rotation.admits(at: now + Self.second))
    }

    @Test("A read without an answer leaves the next one to try")
    func abandoned() {
        let rotation = rotation()
        rotation.failed(at: 100)
        rotation.began(at: 100 + Self.second)
        #expect(rotation.admits(at: 100 + 2 * Self.second))
    }
}
