// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A common design of a pool, for comparison: a return wakes a waiter, which then competes with
/// all newcomers.
final class BargingPool: Sendable {
    private struct State {
        var free: [Int]
        var sleepers: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: Array(0..<count))) }

    func get() async -> Int {
        while true {
            if let element = state.withLock({ $0.free.popLast() }) { return element }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.free.isEmpty { state.sleepers.append(continuation) }
                    return state.free.isEmpty
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    func release(_ element: Int) {
        let sleeper = state.withLock { state in
            state.free.append(element)
            return state.sleepers.isEmpty ? nil : state.sleepers.removeFirst()
        }
        sleeper?.resume()
    }
}
