// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Memory that its first user allocates. Unlike a lazy reference, its use counts no references.
struct LazyMemory<Element: ~Copyable>: ~Copyable, Sendable {
    /// The address; 0 before the first use.
    private let address = Atomic<UInt>(0)

    /// The memory; `nil` before it is allocated.
    @unsafe
    var pointer: UnsafeMutablePointer<Element>? {
        unsafe UnsafeMutablePointer(bitPattern: address.load(ordering: .acquiring))
    }

    /// Returns the memory, and allocates `count` elements at the first use.
    @unsafe
    func pointer(count: Int, _ makeElement: () -> Element) -> UnsafeMutablePointer<Element> {
        if let pointer = unsafe pointer { return unsafe pointer }
        let new = UnsafeMutablePointer<Element>.allocate(capacity: count)
        for index in 0..<count { unsafe (new + index).initialize(to: makeElement()) }
        // Release: another user finds the elements initialized.
        let (isFirst, other) = address.compareExchange(
            expected: 0,
            desired: UInt(bitPattern: new),
            ordering: .acquiringAndReleasing
        )
        if isFirst { return unsafe new }
        unsafe new.deinitialize(count: count)
        unsafe new.deallocate()
        return unsafe UnsafeMutablePointer(bitPattern: other)!
    }

    /// Frees the memory. Called by its last user.
    func free(count: Int) {
        guard let pointer = unsafe pointer else { return }
        unsafe pointer.deinitialize(count: count)
        unsafe pointer.deallocate()
    }
}
