// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// How a ``ConnectionPool`` behaves.
public struct ConnectionPoolConfiguration: Hashable, Sendable {
    /// What the pool is called in errors.
    public var name: String

    /// How many connections there are at most, counting those that are being made and those that are being closed; at least
    /// one. The default is 10, which is what a database on a few cores does best with.
    public var maximumConnections: Int

    /// How many callers may wait at a time; the next is refused at once. At least one, because a caller waits while its
    /// connection is made. The default is 1,024: with ten connections and a
    /// millisecond each, the last of them waits for a tenth of a second.
    public var maximumWaiters: Int

    /// How long a caller waits for a connection if it does not say so itself. The default is 10 seconds: longer than any
    /// hiccup, and shorter than most clients wait for a server.
    public var checkoutTimeout: Duration

    /// A configuration, with defaults for what is left out.
    public init(
        name: String = "connections",
        maximumConnections: Int = 10,
        maximumWaiters: Int = 1_024,
        checkoutTimeout: Duration = .seconds(10)
    ) {
        self.name = name
        self.maximumConnections = maximumConnections
        self.maximumWaiters = maximumWaiters
        self.checkoutTimeout = checkoutTimeout
    }

    /// Looks whether a pool can be made from this.
    ///
    /// - Throws: ``PoolError`` with the code `invalidConfiguration`, which names the field.
    public func validate() throws(PoolError) {
        if !(1...100_000 ~= maximumConnections) {
            throw PoolError(
                invalid: "maximumConnections",
                "must be from 1 to 100,000, not \(maximumConnections)",
                in: name
            )
        }
        if !(1...100_000 ~= maximumWaiters) {
            throw PoolError(invalid: "maximumWaiters", "must be from 1 to 100,000, not \(maximumWaiters)", in: name)
        }
        if checkoutTimeout < .zero {
            throw PoolError(invalid: "checkoutTimeout", "must not be negative, but is \(checkoutTimeout)", in: name)
        }
    }
}
