// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// How a ``ConnectionPool`` behaves. Each default says why.
public struct ConnectionPoolConfiguration: Hashable, Sendable {
    /// The name of the pool in errors, logs and metrics. Pools that keep the default get names of their own: “connections”,
    /// “connections 2” and so on, in the order in which they are made.
    public var name: String

    /// How many connections there are at most, counting those that are being made and those that are being closed; at least
    /// one. The default is 10, which is what a database on a few cores does best with. ``ConnectionPool/resize(to:)`` changes it
    /// while the pool is in use.
    public var maximumConnections: Int

    /// How many connections are kept, from the first checkout on, even if nobody uses them. The default is 0: what is not used
    /// is closed.
    public var minimumConnections: Int

    /// How many connections are kept idle beside those in use, as far as ``maximumConnections`` allows. What lacks is made within about
    /// a second. The default is 0. Unlike ``minimumConnections`` it keeps connections ahead of a load that grows.
    public var minimumIdleConnections: Int

    /// How many connects are under way at a time. The default is 4: enough to fill a pool quickly, and few enough not to be the
    /// load that a database that has just started breaks under.
    public var maximumConcurrentConnects: Int

    /// How many callers may wait at a time; the next is refused at once. At least one, because a caller waits while its
    /// connection is made. The default is 1,024: with ten connections and a
    /// millisecond each, the last of them waits for a tenth of a second.
    public var maximumWaiters: Int

    /// How long a caller waits for a connection if it does not say so itself. The default is 10 seconds: longer than any
    /// hiccup, and shorter than most clients wait for a server.
    public var checkoutTimeout: Duration

    /// How long a connect may take; then its place is free for another. The default is 4 seconds.
    ///
    /// Below ``circuitBreakerThreshold`` and ``checkoutTimeout``: so a second attempt begins while the first callers still wait, and their
    /// error has a cause. TCP repeats a lost first packet after 1 and 3 seconds, so that 4 seconds survive the loss of two. A server that
    /// has to be started first needs more; then raise all three.
    public var connectTimeout: Duration

    /// How long resetting or testing a connection may take; then it is closed instead. The default is 5 seconds.
    public var resetTimeout: Duration

    /// How long a close may take; then its place is free, and the close goes on by itself. The default is 3 seconds. A shutdown takes
    /// at most ``drainTimeout`` and twice this.
    public var closeTimeout: Duration

    /// How long callers and leases have to end by themselves when the pool is shut down and ``ConnectionPool/shutdown(drain:)`` is
    /// not told. The default is 12 seconds: above ``checkoutTimeout``, so that a caller in line is served or has its own timeout before;
    /// and with the closes a shutdown ends after 18 seconds, where orchestrators kill a process after 30.
    public var drainTimeout: Duration

    /// The bound of the wait after a connect has failed; it doubles with each failure up to ``maximumBackoff``, and the wait
    /// is chosen at random below it. The default is 100 milliseconds. At least one millisecond, unless ``maximumBackoff`` is zero.
    public var initialBackoff: Duration

    /// The longest wait between two connects while they fail, and so the longest that a database that is back stays unused.
    /// The default is 5 seconds. Zero for no second attempt: a connect that fails is told to who has waited longest.
    public var maximumBackoff: Duration

    /// How long after the start of the first attempt that has not succeeded callers are refused at once, with the cause, while there is
    /// no connection.
    ///
    /// An attempt that hangs counts like one that fails. The default is 5 seconds: a restart is waited for, and an outage does not fill
    /// the line; below ``checkoutTimeout``, so that callers learn of an outage by the breaker. With zero, the first failure counts. A
    /// threshold below the time of an ordinary connect refuses callers while that goes on.
    public var circuitBreakerThreshold: Duration

    /// The idle time from which on a connection is tested before it is handed out; zero for a test at each checkout, which costs a round
    /// trip; `nil` for never. A successful test counts from its end, like a use. The default is 30 seconds.
    public var validateAfterIdle: Duration?

    /// The time after the last use or test at which an idle connection is tested in the background, so that nothing on the way forgets
    /// it; `nil` for never. Each connection's own time is up to a quarter shorter, so that connections made together are not tested
    /// together. The default is 2 minutes, less than most firewalls' memory.
    public var keepAliveInterval: Duration?

    /// The time after its last use at which an idle connection is closed, unless ``minimumConnections`` are left; `nil` for never. A
    /// test is no use. The default is 10 minutes.
    public var idleTimeout: Duration?

    /// The age at which a connection is replaced; `nil` for never. Each connection's own is fixed when it is made, up to a
    /// quarter shorter, so that those of one moment do not go in one moment. The default is 30 minutes: what a server keeps for
    /// each connection is let go of, and a new address of its name is found.
    public var maximumLifetime: Duration?

    /// After so many uses a connection is replaced; `nil` for never, the default.
    public var maximumUses: Int?

    /// A lease that is older is reported as a leak, once; `nil` for never, the default, because only the program knows how
    /// long its leases last.
    public var leakDetectionThreshold: Duration?

    /// A configuration, with defaults for what is left out.
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
