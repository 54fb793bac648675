// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ErrorCategoryTests {
    @Test(
        "Each code of a pool's error has its category",
        arguments: [
            (.timedOut, .busy), (.tooManyWaiters, .busy), (.deadlock, .busy), (.closed, .unavailable),
            (.connectFailed, .unavailable), (.cancelled, nil), (.invalidConfiguration, nil),
        ] as [(PoolError.Code, PoolError.Category?)]
    )
    func code(_ code: PoolError.Code, _ category: PoolError.Category?) {
        #expect(PoolError(code, pool: "pool").category == category)
    }

    @Test("A caller that waited for a suspended pool, or for a database out of reach, is told that it is unavailable")
    func timeout() {
        struct Refused: Error {}
        #expect(PoolError(.timedOut, pool: "pool", state: .suspended).category == .unavailable)
        #expect(PoolError(.timedOut, pool: "pool", underlying: Refused()).category == .unavailable)
    }
}
