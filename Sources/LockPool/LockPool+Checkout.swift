// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// Gets an element if one is idle and nobody waits.
    ///
    /// - Returns: A guard, or `nil` if every element is taken, somebody waits, or the pool is closed.
    /// - Complexity: O(1) when the element that this thread returned last is idle, which is one atomic exchange; else
    ///   O(slots).
    @inlinable
    @inline(__always)
    public func tryGet() -> LockGuard<Element>? {
        guard let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) ?? core.leaseIdleSlotBehindCancelled()
        else {
            return nil
        }
        return LockGuard(slot: slot)
    }

    /// Gets an element, waiting in line if none is idle.
    ///
    /// Does not suspend if an element is idle and nobody waits; then it does not look whether the task is cancelled either.
    ///
    /// - Returns: A guard with exclusive access to an element.
    /// - Throws: ``LockPoolError`` with the code `closed`; `tooManyWaiters` if as many wait as may; `cancelled` if the task
    ///   is cancelled while it waits.
    /// - Complexity: As ``tryGet()``. A wait costs O(slots), allocates nothing, and lasts for at most ⌈position in line ÷
    ///   slots⌉ × the longest hold.
    @inlinable
    @inline(__always)
    public func get() async throws(LockPoolError) -> LockGuard<Element> {
        if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
        return LockGuard(slot: try await waitForElement(timeout: nil, onWait: {}))
    }

    /// Gets an element, waiting in line for at most `timeout` if none is idle.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait. Costs nothing unless the caller waits, and no task or timer of its own then.
    ///   - onWait: Called once the caller is in line, before it suspends; not called if it does not have to wait.
    /// - Returns: A guard with exclusive access to an element.
    /// - Throws: As ``get()``, and ``LockPoolError`` with the code `timedOut`. A timeout of zero or less still gets what is
    ///   idle.
    /// - Complexity: As ``get()``.
    @inlinable
    @inline(__always)
    public func get(timeout: Duration, onWait: () -> Void = {}) async throws(LockPoolError) -> LockGuard<
        Element
    > {
        if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
        return LockGuard(slot: try await waitForElement(timeout: timeout, onWait: onWait))
    }

    /// Gets an element, waiting in line until `deadline` at most if none is idle.
    ///
    /// - Parameters:
    ///   - deadline: When to give up.
    ///   - clock: The clock that `deadline` is of. The wait itself is timed by the pool's clock.
    /// - Returns: A guard with exclusive access to an element.
    /// - Throws: As ``get(timeout:onWait:)``.
    /// - Complexity: As ``get()``.
    @inlinable
    public func get<C: Clock<Duration>>(
        until deadline: C.Instant,
        clock: C = ContinuousClock()
    ) async throws(LockPoolError) -> LockGuard<Element> {
        if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
        return LockGuard(slot: try await waitForElement(timeout: clock.now.duration(to: deadline), onWait: {}))
    }

    @usableFromInline
    func waitForElement(timeout: Duration?, onWait: () -> Void) async throws(LockPoolError) -> Slot {
        precondition(!core.shape.callersCreate, "LockPool: callers create in this pool, so check out with getOrCreate.")
        return try await core.wait(deadlines: deadlines, timeout: timeout, onWait: onWait)
    }
}

// MARK: - Lazy pools

extension LockPool where Element: ~Copyable {
    /// Gets an idle element, or creates one in a vacant slot, or waits in line for either.
    ///
    /// `create` runs in the caller's task, on its actor. When it throws, the slot is vacant again and the oldest waiter gets
    /// its chance. Only for pools that are filled by callers.
    ///
    /// - Parameter create: Makes an element.
    /// - Returns: A guard with exclusive access to an element.
    /// - Throws: What `create` throws, unchanged; else ``LockPoolError``, as ``get()``.
    /// - Complexity: As ``get()``; O(slots) if nothing is idle.
    public func getOrCreate(
        _ create: () async throws -> sending Element
    ) async throws -> LockGuard<Element> {
        precondition(core.shape.callersCreate, "LockPool: this pool is not filled by callers, so check out with get.")
        if let slot = core.leaseIdleSlot(stride: core.shape.stride) { return LockGuard(slot: slot) }
        let slot: Slot
        if let vacant = core.reserveForNewcomer() {
            slot = vacant
        } else {
            slot = try await core.wait(deadlines: deadlines, timeout: nil, onWait: {})
            if !core.isReserved(slot) { return LockGuard(slot: slot) }
        }
        // Ends as abandoned if `create` throws.
        let reservation = Reservation<Element>(slot: slot)
        let element = try await create()
        return reservation.lease(element)
    }

    /// Reserves a vacant slot, to be filled from outside.
    ///
    /// Only for pools that are filled by reservation; a full pool is one, whose slots become vacant by
    /// ``LockGuard/take()`` and ``LockGuard/discard()``.
    ///
    /// - Returns: The reservation, or `nil` if no slot is vacant.
    /// - Complexity: O(slots).
    @inlinable
    public func tryReserve() -> Reservation<Element>? {
        precondition(!core.shape.callersCreate, "LockPool: the vacant slots of this pool are filled by getOrCreate.")
        guard let slot = core.reserveVacantSlot() else { return nil }
        return Reservation(slot: slot)
    }

    /// Changes how many of the slots are in use, from 1 to ``capacity``.
    ///
    /// Slots above `size` are retired: an idle element in one is destroyed now, a leased one when it comes back. Slots that
    /// come into use again are vacant, and where callers create, the oldest waiters are handed them.
    ///
    /// - Complexity: O(slots).
    public func resize(to size: Int) {
        precondition(1...capacity ~= size, "LockPool: the size must be from 1 to the pool's capacity.")
        if isClosed { return }
        for index in 0..<size { core.restore(core.slot(index)) }
        for index in size..<capacity { core.retire(core.slot(index)) }
        // A close that came in between has retired every slot, and this may have brought some back.
        if isClosed { for index in 0..<size { core.retire(core.slot(index)) } }
    }
}

// MARK: - The fast path

extension Core {
    /// Leases an idle slot, unless somebody waits: the slot that this thread returned last, else the first.
    @inlinable
    @inline(__always)
    func leaseIdleSlot(stride: Int) -> Slot? {
        // The queue first, or this would be barging. Acquire: the slots are looked at afterwards.
        guard QueueWord(bits: queue.loadAcquire()).admitsNewcomers else { return nil }
        let hint = ThreadHint.slot
        let slots = unsafe shape.slots
        if hint < shape.count {
            let slot = unsafe Slot(address: slots + hint * stride)
            if slot.tryLease() { return slot }
        }
        return searchIdleSlot()
    }

    @usableFromInline
    @inline(never)
    func searchIdleSlot() -> Slot? {
        let stride = shape.stride
        var address = unsafe shape.slots
        let end = unsafe address + shape.count * stride
        while unsafe address < end {
            let slot = unsafe Slot(address: address)
            if slot.tryLease() { return slot }
            unsafe address += stride
        }
        return nil
    }

    /// As `leaseIdleSlot`, for a caller that cannot wait and found somebody in line: perhaps they are all cancelled.
    @usableFromInline
    @inline(never)
    func leaseIdleSlotBehindCancelled() -> Slot? {
        let word = QueueWord(bits: queue.load())
        if word.isEmpty || word.isClosed { return nil }
        trim()
        return leaseIdleSlot(stride: shape.stride)
    }

    /// A vacant slot for a caller that has just come and creates itself, unless somebody waits.
    func reserveForNewcomer() -> Slot? {
        QueueWord(bits: queue.loadAcquire()).admitsNewcomers ? reserveVacantSlot() : nil
    }

    func isReserved(_ slot: Slot) -> Bool {
        slot.state.loadRelaxed() & SlotWord.phase == SlotWord.reserved
    }
}
