// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

/// The decisions of the task that listens.
@Suite struct NotificationStepTests {
    private let channel = NotificationChannel("a")

    private func state(subscribed: Bool) -> NotificationListener.State {
        var state = NotificationListener.State()
        state.active = [channel]
        if subscribed {
            let buffer = NotificationBuffer(channels: [channel], capacity: 1)
            state.subscribers[ObjectIdentifier(buffer)] = NotificationListener.Subscriber(buffer: buffer)
            state.wanted[channel] = 1
        }
        return state
    }

    @Test("A subscription that begins as the connection ends does not count on that connection")
    func end() {
        var state = state(subscribed: false)
        #expect(state.nextStep(isListening: true) == .end)
        #expect(state.active.isEmpty)
    }

    @Test("A connection that listens on the wanted channels waits, and keeps them")
    func wait() {
        var state = state(subscribed: true)
        #expect(state.nextStep(isListening: true) == .wait)
        #expect(state.active == [channel])
    }
}
