// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite struct InterruptionTests {
    @Test("A cancellation that comes when its call has ended does nothing")
    func late() {
        let interruption = Interruption()
        #expect(unsafe !interruption.begin(on: nil))
        #expect(interruption.end() == nil)
        interruption.cancel()
        #expect(!interruption.isRaised)
        #expect(interruption.end() == nil)
    }

    @Test("A cancellation that comes before its call has begun waits for it")
    func early() {
        let interruption = Interruption()
        interruption.cancel()
        #expect(unsafe interruption.begin(on: nil))
        #expect(interruption.isRaised)
        #expect(interruption.end() == .cancelled)
    }

    @Test("A cancellation while the call runs is seen by it, once more or not")
    func during() {
        let interruption = Interruption()
        #expect(unsafe !interruption.begin(on: nil))
        #expect(!interruption.isRaised)
        interruption.cancel()
        interruption.cancel()
        #expect(interruption.isRaised)
        #expect(interruption.end() == .cancelled)
    }

    @Test("A deadline that has come is seen as a cancellation is, and says so")
    func deadline() {
        let interruption = Interruption(deadline: .now)
        #expect(unsafe !interruption.begin(on: nil))
        #expect(interruption.isRaised)
        #expect(interruption.end() == .overdue)
        let patient = Interruption(deadline: .now + .seconds(3_600))
        #expect(unsafe !patient.begin(on: nil))
        #expect(!patient.isRaised)
        #expect(patient.end() == nil)
    }
}
