// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The settings of a ``ConnectionPool``. Each default states its reason.
public struct ConnectionPoolConfiguration: Hashable, Sendable {
    /// The name of the pool in errors, logs and metrics. Pools with the default name get unique
    /// names: “connections”, “connections 2” and so on, in the order of their creation.
    public var name: String

    /// The largest number of connections, including those that are being made and closed; at
    /// least one. The default is 10, a good number for a database on a few cores.
    /// ``ConnectionPool/resize(to:)`` changes it at run time.
    public var maximumConnections: Int

    /// The number of connections that the pool keeps from the first checkout on, even if they are
    /// idle. The default is 0: idle connections are closed.
    public var minimumConnections: Int

    /// The number of connections that the pool keeps idle in addition to those in use, within
    /// ``maximumConnections``. Missing connections are made within about a second. The default is
    /// 0. Unlike ``minimumConnections``, it keeps connections ready for a growing load.
    public var minimumIdleConnections: Int

    /// The largest number of concurrent connection attempts. The default is 4: enough to fill a
    /// pool quickly, and few enough not to overload a database that has just started.
    public var maximumConcurrentConnects: Int

    /// The largest number of concurrent waiters. Further callers are refused at once. At least
    /// one, because a caller waits while its connection is made. The default is 1,024: with ten
    /// connections and a millisecond each, the last waiter waits for a tenth of a second.
    public var maximumWaiters: Int

    /// The longest wait for a connection of a caller without a timeout of its own. The default is
    /// 10 seconds: longer than any brief disturbance, and shorter than most clients wait for a
    /// server.
    public var checkoutTimeout: Duration

    /// The longest duration of a connection attempt. After it, the slot is free for another
    /// attempt. The default is 4 seconds.
    ///
    /// The default is below ``circuitBreakerThreshold`` and ``checkoutTimeout``, so a second
    /// attempt begins while the first callers still wait, and their error has a cause. TCP
    /// repeats a lost first packet after 1 and 3 seconds, so 4 seconds tolerate the loss of two.
    /// For a server that must be started first, raise all three.
    public var connectTimeout: Duration

    /// The longest duration of a reset or test. After it, the connection is closed instead. The
    /// default is 5 seconds.
    public var resetTimeout: Duration

    /// The longest duration of a close. After it, the slot is free while the close continues. The
    /// default is 3 seconds. A shutdown takes at most ``drainTimeout`` plus twice this duration.
    public var closeTimeout: Duration

    /// The time that callers and leases have to end when ``ConnectionPool/shutdown(drain:)`` has
    /// no argument. The default is 12 seconds. It exceeds ``checkoutTimeout``, so a waiter is
    /// served or times out first. With the closes a shutdown ends after 18 seconds, before an
    /// orchestrator kills a process, typically after 30.
    public var drainTimeout: Duration

    /// The upper bound of the pause after a failed connection attempt. The bound doubles with
    /// each failure up to ``maximumBackoff``. The pause is chosen at random below the bound. The
    /// default is 100 milliseconds; at least one millisecond, unless ``maximumBackoff`` is zero.
    public var initialBackoff: Duration

    /// The longest pause between failing connection attempts, and thus the longest time for which
    /// an available database stays unused. The default is 5 seconds. Zero disables retries: a
    /// failed attempt fails the longest-waiting caller.
    public var maximumBackoff: Duration

    /// The time after the start of the first unsuccessful attempt at which the circuit breaker
    /// opens. While it is open and there is no connection, callers fail at once with the cause.
    ///
    /// An attempt that hangs counts as a failed one. The default is 5 seconds: callers wait
    /// through a restart, and an outage does not fill the line. It is below ``checkoutTimeout``,
    /// so callers learn of an outage from the breaker. With zero, the first failure opens it. A
    /// threshold below the duration of a normal attempt refuses callers during that attempt.
    public var circuitBreakerThreshold: Duration

    /// The idle time after which a connection is tested before it is handed out. Zero tests at
    /// each checkout, which costs a round trip; `nil` disables the test. The time of a successful
    /// test counts from its end, like that of a use. The default is 30 seconds.
    public var validateAfterIdle: Duration?

    /// The time after the last use or test at which an idle connection is tested in the
    /// background, so that no firewall on the path drops it; `nil` for never. Each connection's
    /// own interval is up to a quarter shorter, so that connections created together are not
    /// tested together. The default is 2 minutes, shorter than the idle timeout of most
    /// firewalls.
    public var keepAliveInterval: Duration?

    /// The time after the last use at which an idle connection is closed, unless the pool would
    /// fall below ``minimumConnections``; `nil` for never. A test is not a use. The default is 10
    /// minutes.
    public var idleTimeout: Duration?

    /// The age at which a connection is replaced; `nil` for never. Each connection's own limit is
    /// fixed at its creation, up to a quarter shorter, so that connections created together do
    /// not expire together. The default is 30 minutes: the server can free its memory for the
    /// connection, and a new connection resolves the server's name again.
    public var maximumLifetime: Duration?

    /// The number of uses after which a connection is replaced; `nil` for never, the default.
    public var maximumUses: Int?

    /// The age at which a lease is reported as a leak, once; `nil` for never, the default,
    /// because only the program knows the duration of its leases.
    public var leakDetectionThreshold: Duration?

    /// Creates a configuration. Each parameter has a default.
    public init(
        name: String = "connections",
        maximumConnections: Int = 10,
        minimumConnections: Int = 0,
        minimumIdleConnections: Int = 0,
        maximumConcurrentConnects: Int = 4,
        maximumWaiters: Int = 1_024,
        checkoutTimeout: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(4),
        resetTimeout: Duration = .seconds(5),
        closeTimeout: Duration = .seconds(3),
        drainTimeout: Duration = .seconds(12),
        initialBackoff: Duration = .milliseconds(100),
        maximumBackoff: Duration = .seconds(5),
        circuitBreakerThreshold: Duration = .seconds(5),
        validateAfterIdle: Duration? = .seconds(30),
        keepAliveInterval: Duration? = .seconds(120),
        idleTimeout: Duration? = .seconds(600),
        maximumLifetime: Duration? = .seconds(1_800),
        maximumUses: Int? = nil,
        leakDetectionThreshold: Duration? = nil
    ) {
        self.name = name
        self.maximumConnections = maximumConnections
        self.minimumConnections = minimumConnections
        self.minimumIdleConnections = minimumIdleConnections
        self.maximumConcurrentConnects = maximumConcurrentConnects
        self.maximumWaiters = maximumWaiters
        self.checkoutTimeout = checkoutTimeout
        self.connectTimeout = connectTimeout
        self.resetTimeout = resetTimeout
        self.closeTimeout = closeTimeout
        self.drainTimeout = drainTimeout
        self.initialBackoff = initialBackoff
        self.maximumBackoff = maximumBackoff
        self.circuitBreakerThreshold = circuitBreakerThreshold
        self.validateAfterIdle = validateAfterIdle
        self.keepAliveInterval = keepAliveInterval
        self.idleTimeout = idleTimeout
        self.maximumLifetime = maximumLifetime
        self.maximumUses = maximumUses
        self.leakDetectionThreshold = leakDetectionThreshold
    }
}

extension ConnectionPoolConfiguration {
    /// Returns the configuration with a name that no other unnamed pool of the process has.
    func named() -> ConnectionPoolConfiguration {
        var named = self
        if name == Self.unnamed { named.name = Self.uniqueName(name) }
        return named
    }

    /// The name of a configuration that names no pool.
    package static let unnamed = ConnectionPoolConfiguration().name

    /// Returns a unique name for an unnamed pool: `base` for the first, then “base 2” and so on.
    package static func uniqueName(_ base: String) -> String {
        let number = numbers.withLock { numbers in
            numbers[base, default: 0] += 1
            return numbers[base]!
        }
        return number == 1 ? base : "\(base) \(number)"
    }

    /// The number of pools that have received a name of each base.
    private static let numbers = Locked<[String: Int]>([:])
}
