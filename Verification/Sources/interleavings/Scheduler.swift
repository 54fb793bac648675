// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CFibers

nonisolated(unsafe) var scheduler = Scheduler()

/// Runs callers as fibers on one thread, one step at a time: at each atomic operation of the core
/// it selects the caller that makes the next one.
final class Scheduler {
    /// Selects the next caller.
    var choices: Choices = .first

    private var fibers: [Fiber] = []
    private let main = UnsafeMutablePointer<fiber>.allocate(capacity: 1)
    private var current = -1
    private(set) var steps = 0
    private(set) var failure: String?
    private(set) var trace: [Int] = []

    /// A longer run means that a caller loops without end.
    private let mostSteps = 4_000

    private struct Fiber {
        let machine = UnsafeMutablePointer<fiber>.allocate(capacity: 1)
        let stack = UnsafeMutableRawPointer.allocate(byteCount: 1 << 18, alignment: 16)
        var body: () -> Void = {}
        var isFinished = false
        /// The condition that the caller waits for; `nil` if it can continue.
        var condition: (() -> Bool)?
        /// Whether the caller may still wait when all others are done.
        var isOptional = false
        var hint = 0

        var isEnabled: Bool { !isFinished && condition?() ?? true }
    }

    /// The slot hint of the running caller.
    var hint: Int {
        get { current < 0 ? 0 : fibers[current].hint }
        set { if current >= 0 { fibers[current].hint = newValue } }
    }

    /// The running caller; -1 for the set-up.
    var caller: Int { current }

    /// Runs the bodies in one order of steps.
    ///
    /// - Returns: The failure; `nil` if there is none.
    func run(_ bodies: [() -> Void]) -> String? {
        while fibers.count < bodies.count { fibers.append(Fiber()) }
        (steps, failure) = (0, nil)
        trace.removeAll(keepingCapacity: true)
        for index in fibers.indices {
            fibers[index].isFinished = index >= bodies.count
            fibers[index].condition = nil
            fibers[index].isOptional = false
            fibers[index].hint = 0
            guard index < bodies.count else { continue }
            fibers[index].body = bodies[index]
            fiber_prepare(fibers[index].machine, fibers[index].stack, 1 << 18, { _ in scheduler.runBody() }, nil)
        }
        if let first = next(canContinue: false) {
            current = first
            fiber_switch(main, fibers[first].machine)
        }
        current = -1
        if failure == nil, let stuck = bodies.indices.first(where: { !fibers[$0].isFinished && !fibers[$0].isOptional })
        {
            failure = "caller \(stuck) waits indefinitely"
        }
        return failure
    }

    private func runBody() {
        callBody()
        fibers[current].isFinished = true
        leave()
    }

    /// Separate from `runBody`, which never returns and would retain its references.
    @inline(never)
    private func callBody() { fibers[current].body() }

    /// Called before each atomic operation at `address`.
    func step(at address: UnsafeMutablePointer<UInt>) {
        Memory.willTouch(address)
        guard current >= 0 else { return }
        steps += 1
        if steps > mostSteps { fail("no end after \(mostSteps) steps") }
        let next = self.next(canContinue: true)!
        trace.append(next)
        if next != current {
            switchTo(next)
            Memory.willTouch(address)
        }
    }

    /// A step outside of the core.
    func pause() {
        guard current >= 0 else { return }
        let next = self.next(canContinue: true)!
        if next != current { switchTo(next) }
    }

    /// Runs the other callers until `condition` holds.
    ///
    /// - Parameter isOptional: Whether the condition may never hold.
    func wait(isOptional: Bool = false, until condition: @escaping () -> Bool) {
        if condition() { return }
        fibers[current].condition = condition
        fibers[current].isOptional = isOptional
        leave()
        fibers[current].condition = nil
        fibers[current].isOptional = false
    }

    /// Ends this run as a failure. Does not return to a caller; the fibers are abandoned.
    func fail(_ message: String) {
        if failure == nil { failure = message }
        if current >= 0 { fiber_switch(fibers[current].machine, main) }
    }

    /// Continues with another caller, or with the main stack if no caller can continue.
    private func leave() {
        guard let next = next(canContinue: false) else {
            fiber_switch(fibers[current].machine, main)
            return
        }
        if next != current { switchTo(next) }
    }

    private func switchTo(_ next: Int) {
        let old = current
        current = next
        fiber_switch(fibers[old].machine, fibers[next].machine)
    }

    /// Selects the next caller. The first choice is to continue with the current one.
    private func next(canContinue: Bool) -> Int? {
        var enabled: [Int] = canContinue ? [current] : []
        if canContinue, !choices.mayPreempt { return current }
        for index in fibers.indices where index != current || !canContinue {
            if fibers[index].isEnabled { enabled.append(index) }
        }
        if enabled.isEmpty { return nil }
        if enabled.count == 1 { return enabled[0] }
        let index = choices.choose(from: enabled.count, isPreemption: canContinue)
        return enabled[index]
    }
}
