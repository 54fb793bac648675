// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CJobs

/// Reproducible random numbers: SplitMix64, by Steele, Lea and Flood, OOPSLA 2014.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// `true` once in `times`.
    mutating func once(in times: Int) -> Bool { Int.random(in: 0..<times, using: &self) == 0 }

    mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &self)! }
}

/// Runs the tasks of the process one step at a time, on one thread, in a random order.
@safe
enum Scheduler {
    private nonisolated(unsafe) static var jobs: [UnsafeMutableRawPointer] = unsafe []

    /// Takes control of the tasks of the process.
    static func start() {
        unsafe jobs_capture { job in unsafe Scheduler.jobs.append(job) }
    }

    /// Whether no task can continue.
    static var isAtRest: Bool { unsafe jobs.isEmpty }

    /// Runs one task until it suspends or ends; any of those that can continue.
    static func step(_ dice: inout Dice) {
        unsafe jobs.swapAt(dice.pick(0...jobs.count - 1), jobs.count - 1)
        unsafe jobs_run(jobs.removeLast())
    }

    /// Runs all tasks as far as possible.
    static func rest(_ dice: inout Dice) {
        while !isAtRest { step(&dice) }
    }
}
