// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import PostgresPooling

extension PostgresNotifications.Event {
    /// The payload, or a name of the gap.
    var summary: String {
        switch self {
        case .notification(let notification): notification.payload
        case .gap(.reconnected): "reconnected"
        case .gap(.overflow(let dropped)): "dropped \(dropped)"
        case .gap(.undecodable): "undecodable"
        @unknown default: "unknown"
        }
    }
}

extension PostgresNotifications {
    /// The summaries of the next elements; fewer if the sequence ends.
    func next(_ count: Int) async -> [String] {
        var summaries: [String] = []
        var iterator = makeAsyncIterator()
        while summaries.count < count, let event = await iterator.next() { summaries.append(event.summary) }
        return summaries
    }
}

/// Returns the name of a channel that no other test uses.
func newChannel(_ name: String = "channel") -> String { "\(name)-\(UUID().uuidString.prefix(8))" }
