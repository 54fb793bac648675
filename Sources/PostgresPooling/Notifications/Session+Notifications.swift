// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

/// A notification as a session has received it.
struct ReceivedNotification: Sendable {
    let channel: NotificationChannel
    /// The element of the subscriptions, whose texts they share.
    let event: PostgresNotifications.Event
}

// The part of a session that listens.

extension Session {
    /// Makes the session keep the notifications that arrive.
    func beginListening() {
        isIdle.store(false, ordering: .relaxed)
        notifications = []
    }

    /// Removes and returns the notifications that have arrived.
    func takeReceived() -> [ReceivedNotification] {
        defer { notifications?.removeAll(keepingCapacity: true) }
        return notifications ?? []
    }

    /// Takes the notifications that libpq has read. A session that does not listen discards them.
    /// Asking for them makes libpq parse.
    func takeNotifications() {
        if isAbandoned.load(ordering: .relaxed) { return }
        while let notification = unsafe PQnotifies(handle) {
            if notifications != nil, let received = unsafe Session.received(notification.pointee) {
                notifications?.append(received)
            }
            unsafe PQfreemem(notification)
        }
    }

    /// Returns a copy of libpq's notification; `nil` if its channel is not UTF-8, which none that
    /// a program can listen to is.
    private static func received(_ notification: PGnotify) -> ReceivedNotification? {
        guard let name = unsafe String(validatingCString: notification.relname) else { return nil }
        let (payload, process) = unsafe (String(validatingCString: notification.extra), notification.be_pid)
        let event: PostgresNotifications.Event =
            if let payload {
                .notification(PostgresNotification(channel: name, payload: payload, serverProcess: process))
            } else {
                .gap(.undecodable(channel: name))
            }
        return ReceivedNotification(channel: NotificationChannel(name), event: event)
    }

    /// Reads what has arrived while no answer was pending, a bounded number of bytes at a time.
    /// What a server sends between two statements is not limited in sum.
    ///
    /// - Returns: Whether input may be left, which the poller does not report again.
    @discardableResult
    func receiveNotifications() -> Bool {
        mayHaveMore.store(false, ordering: .relaxed)
        _ = takeActivity()
        for _ in 0..<Session.readsPerTurn {
            // Twice on an encrypted connection, as in `consume()`.
            let isRead = unsafe PQconsumeInput(handle) != 0 && (!isEncrypted || PQconsumeInput(handle) != 0)
            takeNotifications()
            if !isRead || hasTooManyParameters {
                abandon()
                return false
            }
            if !hasMore { return false }
        }
        mayHaveMore.store(true, ordering: .relaxed)
        return true
    }
}
