// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

/// A pool of connections that are made when they are needed, judged when they come back, and handed out in the order of
/// asking.
///
/// ```swift
/// let pool = try ConnectionPool(factory: factory)
/// let answer = try await pool.withConnection { connection in
///     try await connection.ask(question)
/// }
/// ```
///
/// A caller that finds nothing idle gets in line, and the pool starts to connect if it may; whichever comes first, a
/// connection that is returned or a new one, serves who has waited longest. Making a connection does not belong to the
/// caller that caused it: when that gives up, the connection goes to the next, or is idle.
///
/// When the last reference to the pool goes, idle connections are closed, and leased ones when they come back.
public final class ConnectionPool<Factory: ConnectionFactory>: Sendable {
    /// How the pool behaves.
    public let configuration: ConnectionPoolConfiguration

    @usableFromInline let lockPool: LockPool<PooledConnection<Factory.Connection>>
    @usableFromInline let factory: Factory
    let closer: Closer<Factory>
    let growth = Growth()

    /// A pool without connections yet.
    ///
    /// - Parameters:
    ///   - factory: Makes and closes the connections.
    ///   - configuration: How the pool behaves.
    ///   - clock: What deadlines are measured by.
    /// - Throws: ``PoolError`` with the code `invalidConfiguration`.
    public init(
        factory: Factory,
        configuration: ConnectionPoolConfiguration = .init(),
        clock: some Clock<Duration> = ContinuousClock()
    ) throws(PoolError) {
        try configuration.validate()
        let closer = Closer(factory: factory)
        let owner = Owner<ConnectionPool>()
        self.configuration = configuration
        self.factory = factory
        self.closer = closer
        lockPool = LockPool(
            capacity: configuration.maximumConnections,
            maximumWaiters: configuration.maximumWaiters,
            callersCreate: false,
            clock: clock,
            // Only a pool that is closed or dropped gives up connections by itself.
            destroyElement: { closer.close($0.connection) },
            onVacancy: { unsafe owner.object?.grow() }
        )
        // Nobody can call the pool before this initialiser has ended.
        unsafe owner.object = self
    }

    /// How the pool's places are used now. O(connections).
    public var status: PoolStatus {
        let occupancy = lockPool.occupancy
        return PoolStatus(
            maximum: configuration.maximumConnections,
            leased: occupancy.leased,
            idle: occupancy.idle,
            changing: occupancy.reserved,
            waiting: lockPool.waiters
        )
    }

    /// Gives out no connection any more, fails everyone who waits, and closes what is idle now and the rest when it comes
    /// back.
    ///
    /// Returns when no connection is being closed any more; leased ones may still be out, and one that is being made is closed
    /// when it is there. Safe to call again, and from
    /// several tasks at once.
    public func close() async {
        lockPool.close()
        await closer.waitUntilClosed()
    }
}

/// What is in a slot: a connection.
@frozen
@usableFromInline
struct PooledConnection<Connection: ~Copyable & Sendable>: ~Copyable, Sendable {
    @usableFromInline let connection: Connection

    @inlinable
    init(_ connection: consuming Connection) { self.connection = connection }
}

/// A reference to an object that is set once, before anybody reads it, and does not keep it alive.
private final class Owner<Object: AnyObject & Sendable>: Sendable {
    nonisolated(unsafe) weak var object: Object?
}
