// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A shared connection, and the statements that are assigned to it.
///
/// The lock of the ``Multiplexer`` guards its state.
final class Lane: @unchecked Sendable {
    enum Phase {
        /// No task runs the lane.
        case stopped
        /// The task of the lane waits for a connection.
        case starting
        /// The lane has a connection, and takes statements.
        case ready
        /// The lane takes no more statements on its connection.
        case closing
    }

    @safe @exclusivity(unchecked) var phase = Phase.stopped

    /// The connection of a lane that is ready or closing.
    @safe @exclusivity(unchecked) var session: Session?

    /// Whether the task of the lane looks for statements before it waits again.
    @safe @exclusivity(unchecked) var isAwake = false

    /// The statements that are to be sent.
    @safe @exclusivity(unchecked) var assigned = Fifo<SharedCall>()

    /// The statements in flight.
    @safe @exclusivity(unchecked) var sent = Fifo<SharedCall>()

    /// The calls whose statements have been answered, but need a round trip more. The deadlines of
    /// these calls apply.
    @safe @exclusivity(unchecked) var held = Fifo<SharedCall>()

    /// The time at which the first statement in flight was sent, or the one before it answered.
    @safe @exclusivity(unchecked) var headStart: UInt64 = 0

    /// The number of statements in flight whose calls have ended.
    @safe @exclusivity(unchecked) var abandonedCount = 0

    /// The number of statements that the lane has to answer.
    var load: Int { assigned.count + sent.count + held.count }

    /// Returns whether a statement that arrives now should be sent behind those of the lane, if
    /// there are not too many.
    ///
    /// - Parameter longest: The time, in nanoseconds, after which a statement holds up no more
    ///   others.
    func isOpen(at now: UInt64, _ longest: UInt64) -> Bool {
        phase == .ready && abandonedCount == 0 && (sent.isEmpty || now < headStart || now - headStart < longest)
    }

    /// The largest number of statements in flight on a connection.
    static var depth: Int { 16 }
}
