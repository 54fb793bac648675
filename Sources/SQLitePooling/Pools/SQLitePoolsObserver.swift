// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An event of ``SQLitePools``. Later versions may add cases.
public enum SQLitePoolsEvent: Sendable {
    /// The reason for which a pool was closed.
    public enum CloseReason: String, Hashable, Sendable {
        /// Another key needed the room, and this pool was the least recently used one.
        case evicted
        /// A caller of ``SQLitePools/close(_:timeout:)`` or
        /// ``SQLitePools/whileClosed(_:timeout:_:)`` closed it.
        case requested
        /// All pools were closed.
        case shutdown
    }

    /// A pool was opened. The duration begins with the opening, after a wait for room.
    case opened(key: String, duration: Duration)
    /// A pool could not be opened.
    case openFailed(key: String, error: any Error)
    /// A pool was closed.
    case closed(key: String, reason: CloseReason, duration: Duration)
}

/// An observer of ``SQLitePools``.
public protocol SQLitePoolsObserver: Sendable {
    /// Receives an event. Called on a thread of the cooperative pool; must not block.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - pools: The name in the configuration of the pools.
    func observe(_ event: SQLitePoolsEvent, in pools: String)
}

/// The state of ``SQLitePools`` at one instant.
///
/// A key without an open pool needs no memory, and is not counted.
public struct SQLitePoolsSnapshot: Hashable, Sendable {
    /// The maximum number of pools that are open, opening or closing.
    public let maximum: Int
    /// The number of open pools.
    public let open: Int
    /// The number of open pools that callers use.
    public let inUse: Int
    /// The number of pools that are being opened.
    public let opening: Int
    /// The number of pools that are being closed.
    public let closing: Int
    /// The number of keys whose callers wait until another pool is closed.
    public let queued: Int
    /// The number of callers that wait for a pool.
    public let waiting: Int
    /// The number of threads, which the connections of all pools share.
    public let threads: Int
    /// The counts since the creation.
    public let counters: Counters

    /// Counts of ``SQLitePools`` since their creation.
    public struct Counters: Hashable, Sendable {
        /// The number of uses that found their pool open.
        public internal(set) var hits = 0
        /// The number of pools that were opened.
        public internal(set) var opened = 0
        /// The number of pools that could not be opened.
        public internal(set) var openFailures = 0
        /// The number of pools that were closed.
        public internal(set) var closed = 0
    }
}
