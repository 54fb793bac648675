// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Decides whether to spin before a wait, for the back ends. After one unsuccessful spin, the
/// next one is skipped; after another, the next two, then four, at most eight. A wait that the
/// disk, the network or the scheduler has prolonged thus costs little, and waits that are always
/// long rarely spin.
///
/// All operations are relaxed: no data depend on them, and two threads that count at the same
/// time may count one.
package struct SpinHabit: ~Copyable, Sendable {
    private let omitted = Atomic(0)
    private let failures = Atomic(0)

    package init() {}

    /// Whether to skip this spin. Counts down the spins to be skipped.
    package func shallOmit() -> Bool {
        let left = omitted.load(ordering: .relaxed)
        if left > 0 { omitted.store(left - 1, ordering: .relaxed) }
        return left > 0
    }

    /// Records whether a spin succeeded, and returns the argument.
    package func noting(_ isSuccess: Bool) -> Bool {
        let before = failures.load(ordering: .relaxed)
        if isSuccess {
            if before > 0 { failures.store(0, ordering: .relaxed) }
        } else {
            omitted.store(1 << min(before, 3), ordering: .relaxed)
            failures.store(before + 1, ordering: .relaxed)
        }
        return isSuccess
    }
}
