// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

/// The order and the limits of a subscription's elements.
@Suite struct NotificationQueueTests {
    private func notification(_ number: Int) -> PostgresNotifications.Event {
        .notification(PostgresNotification(channel: "x", payload: "\(number)"))
    }

    private var loss: PostgresError { PostgresError(.connectionLost, "lost") }

    private func drain(_ queue: inout NotificationQueue) -> [String] {
        var summaries: [String] = []
        while let event = queue.next() { summaries.append(event.summary) }
        return summaries
    }

    @Test("Elements keep their order, and adjacent reconnections are one")
    func order() {
        var queue = NotificationQueue()
        queue.appendReconnection(after: loss)
        queue.append(notification(1), capacity: 10)
        queue.appendReconnection(after: loss)
        queue.appendReconnection(after: loss)
        queue.append(notification(2), capacity: 10)
        queue.appendReconnection(after: loss)
        #expect(drain(&queue) == ["reconnected", "1", "reconnected", "2", "reconnected"])
        #expect(drain(&queue) == [])
    }

    @Test("A reconnection survives the drop of the notifications around it")
    func reconnectionWithinDropped() {
        var queue = NotificationQueue()
        queue.append(notification(1), capacity: 2)
        queue.appendReconnection(after: loss)
        for number in 2...4 { queue.append(notification(number), capacity: 2) }
        #expect(drain(&queue) == ["reconnected", "dropped 2", "3", "4"])
        queue.append(notification(5), capacity: 2)
        #expect(drain(&queue) == ["5"])
    }

    @Test("A queue of any length returns what it has dropped and kept", arguments: [1, 2, 63, 64, 65, 200])
    func lengths(_ capacity: Int) {
        var queue = NotificationQueue()
        var (received, dropped) = ([Int](), 0)
        var sent = 0
        for round in 0..<200 {
            for _ in 0..<(round * 7 % 150) {
                sent += 1
                queue.append(notification(sent), capacity: capacity)
            }
            for _ in 0..<(round * 11 % 130) {
                switch queue.next() {
                case .notification(let notification)?: received.append(Int(notification.payload)!)
                case .gap(.overflow(let count))?: dropped += count
                default: break
                }
            }
        }
        while let event = queue.next() {
            switch event {
            case .notification(let notification): received.append(Int(notification.payload)!)
            case .gap(.overflow(let count)): dropped += count
            default: Issue.record("another element")
            }
        }
        #expect(received.count + dropped == sent)
        #expect(received == received.sorted() && Set(received).count == received.count)
        #expect(received.last == sent)
    }
}
