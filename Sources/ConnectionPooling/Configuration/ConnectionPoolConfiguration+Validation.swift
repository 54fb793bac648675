// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension ConnectionPoolConfiguration {
    /// Checks that a pool can be created from this configuration.
    ///
    /// - Throws: ``PoolError`` with the code `invalidConfiguration`, which names the property.
    package func validate() throws(PoolError) {
        try check("maximumConnections", maximumConnections, in: Self.maximumRange)
        try check("minimumConnections", minimumConnections, in: 0...maximumConnections)
        try check("minimumIdleConnections", minimumIdleConnections, in: 0...maximumConnections)
        try check("maximumConcurrentConnects", maximumConcurrentConnects, in: 1...100_000)
        try check("maximumWaiters", maximumWaiters, in: 1...100_000)
        try check("maximumUses", maximumUses ?? 1, in: 1...Int.max)
        for (field, duration) in [
            ("checkoutTimeout", checkoutTimeout), ("drainTimeout", drainTimeout), ("initialBackoff", initialBackoff),
            ("circuitBreakerThreshold", circuitBreakerThreshold), ("validateAfterIdle", validateAfterIdle ?? .zero),
        ] where duration < .zero {
            throw PoolError(invalid: field, "must not be negative, but is \(duration)", in: name)
        }
        for (field, duration) in [
            ("connectTimeout", connectTimeout), ("resetTimeout", resetTimeout), ("closeTimeout", closeTimeout),
            ("keepAliveInterval", keepAliveInterval), ("idleTimeout", idleTimeout),
            ("maximumLifetime", maximumLifetime),
            ("leakDetectionThreshold", leakDetectionThreshold),
        ] as [(String, Duration?)] {
            if let duration, duration <= .zero {
                throw PoolError(invalid: field, "must be greater than zero, but is \(duration)", in: name)
            }
        }
        // A shorter back-off would allow attempts without a pause. Zero for both is a mode of its
        // own: one attempt for each caller.
        if maximumBackoff > .zero, initialBackoff < .milliseconds(1) {
            throw PoolError(
                invalid: "initialBackoff",
                "must be at least a millisecond unless maximumBackoff is zero, but is \(initialBackoff)",
                in: name
            )
        }
        if maximumBackoff < initialBackoff {
            throw PoolError(
                invalid: "maximumBackoff",
                "must be at least initialBackoff, \(initialBackoff), but is \(maximumBackoff)",
                in: name
            )
        }
    }

    /// The valid values of ``maximumConnections`` and of ``ConnectionPool/resize(to:)``.
    static let maximumRange = 1...100_000

    private func check(_ field: String, _ value: Int, in range: ClosedRange<Int>) throws(PoolError) {
        if range.contains(value) { return }
        throw PoolError(
            invalid: field,
            "must be from \(range.lowerBound) to \(range.upperBound), not \(value)",
            in: name
        )
    }
}
