// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import Synchronization

/// The pools that a task uses, innermost first. Tasks that it creates inherit them.
final class HeldPools: Sendable {
    @TaskLocal static var current: HeldPools?

    private let entry: any AnyObject & Sendable
    private let outer: HeldPools?
    private let task = lockpool_current_task()
    private let isHeld = Atomic(true)

    init(_ entry: any AnyObject & Sendable) {
        self.entry = entry
        outer = Self.current
    }

    /// Ends the use. An unstructured task may have inherited it, and continue.
    func end() { isHeld.store(false, ordering: .relaxed) }

    /// Whether the task uses the pool of an entry, or has been created in such a use.
    func contains(_ entry: any AnyObject & Sendable) -> Bool {
        self.entry === entry && isHeld.load(ordering: .relaxed) || outer?.contains(entry) ?? false
    }

    /// Whether the task itself uses the pool of an entry, so that the use cannot end while it
    /// waits.
    func containsOwnUse(of entry: any AnyObject & Sendable) -> Bool {
        self.entry === entry && isHeld.load(ordering: .relaxed) && task == lockpool_current_task()
            || outer?.containsOwnUse(of: entry) ?? false
    }
}
