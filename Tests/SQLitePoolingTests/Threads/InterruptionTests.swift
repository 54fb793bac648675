// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct InterruptionTests {
    @Test("A cancellation after the end of its call has no effect")
    func late() {
        let interruption = Interruption()
        #expect(unsafe interruption.begin(on: nil) == nil)
        #expect(interruption.end() == nil)
        interruption.stop(.cancelled)
        #expect(!interruption.isRaised)
        #expect(interruption.end() == nil)
    }

    @Test("A cancellation before the beginning of its call takes effect when the call begins")
    func early() {
        let interruption = Interruption()
        interruption.stop(.cancelled)
        #expect(unsafe interruption.begin(on: nil) == .cancelled)
        #expect(interruption.isRaised)
        #expect(interruption.end() == .cancelled)
    }

    @Test("A running call detects a cancellation")
    func during() {
        let interruption = Interruption()
        #expect(unsafe interruption.begin(on: nil) == nil)
        #expect(!interruption.isRaised)
        interruption.stop(.cancelled)
        interruption.stop(.cancelled)
        #expect(interruption.isRaised)
        #expect(interruption.end() == .cancelled)
    }

    @Test("A stopped call does not commit, and a commit that has begun is not stopped")
    func commit() {
        let stopped = Interruption()
        #expect(unsafe stopped.begin(on: nil) == nil)
        #expect(stopped.stop(.overdue))
        #expect(!stopped.beginCommit())
        #expect(!stopped.stop(.cancelled))
        #expect(stopped.end() == .overdue)

        let committing = Interruption()
        #expect(unsafe committing.begin(on: nil) == nil)
        #expect(committing.beginCommit())
        #expect(!committing.stop(.overdue))
        #expect(!committing.stop(.cancelled))
        #expect(committing.isRaised)
        #expect(committing.endCommit() == .overdue)
        #expect(!committing.beginCommit())
        #expect(committing.end() == .overdue)

        let twice = Interruption()
        #expect(unsafe twice.begin(on: nil) == nil)
        for _ in 0..<2 {
            #expect(twice.beginCommit())
            #expect(twice.endCommit() == nil)
        }
        #expect(twice.end() == nil)
        #expect(!twice.stop(.cancelled))
    }

    @Test("A deadline stops a call as a cancellation does, with its own reason")
    func deadline() {
        let interruption = Interruption(deadline: .now)
        #expect(unsafe interruption.begin(on: nil) == nil)
        #expect(interruption.isRaised)
        #expect(interruption.end() == .overdue)
        let patient = Interruption(deadline: .now + .seconds(3_600))
        #expect(unsafe patient.begin(on: nil) == nil)
        #expect(!patient.isRaised)
        #expect(patient.end() == nil)
    }
}
