// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite struct InterruptionTests {
    @Test("A cancellation that comes when its job has ended does not reach the next")
    func late() {
        let interruption = Interruption()
        let first = interruption.issueTicket()
        #expect(!interruption.begin(first))
        #expect(!interruption.end())
        let second = interruption.issueTicket()
        #expect(!interruption.begin(second))
        interruption.cancel(first)
        #expect(!interruption.isRaised)
        #expect(!interruption.end())
    }

    @Test("A cancellation that comes before its job has begun waits for it")
    func early() {
        let interruption = Interruption()
        let ticket = interruption.issueTicket()
        interruption.cancel(ticket)
        #expect(!interruption.isRaised)
        #expect(interruption.begin(ticket))
        #expect(interruption.isRaised)
        #expect(interruption.end())
        #expect(!interruption.isRaised)
        #expect(!interruption.begin(interruption.issueTicket()))
    }

    @Test("A cancellation between the end of a job and the next ticket reaches nobody")
    func between() {
        let interruption = Interruption()
        let ticket = interruption.issueTicket()
        #expect(!interruption.begin(ticket))
        #expect(!interruption.end())
        interruption.cancel(ticket)
        #expect(!interruption.isRaised)
        #expect(!interruption.begin(interruption.issueTicket()))
    }
}
