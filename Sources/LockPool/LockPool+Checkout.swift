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

    #if !hasFeature(Embedded)

        /// Gets an element, waiting in line if none is idle.
        ///
        /// Does not suspend if an element is idle and nobody waits; then it does not look whether the task is cancelled either.
        /// Traps when it has to wait in a pool that callers fill: there ``getOrCreate(timeout:_:)`` waits.
        ///
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed`, or `tooManyWaiters` if as many wait as may; `CancellationError` if the task
        ///   is cancelled while it waits.
        /// - Complexity: As ``tryGet()``. A wait allocates nothing, and lasts for at most ⌈position in line ÷ slots⌉ × the longest hold.
        ///   It costs O(slots ÷ 64), and O(1) for each slot that was leased while no caller waited.
        @inlinable
        @inline(__always)
        public func get() async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            // Nothing else of the pool object is used from here on, and it has to live for as long as the wait.
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.slotForTask(from: await core.wait(deadlines: deadlines, ticks: nil)))
        }

        /// Gets an element, waiting in line for at most `timeout` if none is idle.
        ///
        /// - Parameter timeout: How long to wait. Costs nothing unless the caller waits, and no task or timer of its own then.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: As ``get()``, and ``LockPoolError`` with the code `timedOut`. A timeout of zero or less still gets what is
        ///   idle.
        /// - Complexity: As ``get()``.
        @inlinable
        @inline(__always)
        public func get(timeout: Duration) async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            // Nothing else of the pool object is used from here on, and it has to live for as long as the wait.
            defer { withExtendedLifetime(self) {} }
            let wakeup = await core.wait(deadlines: deadlines, ticks: UInt(ticksOf: timeout))
            return LockGuard(slot: try core.slotForTask(from: wakeup))
        }

        /// As ``get(timeout:)``, for a caller that has found nothing idle a moment ago: gets in line, and looks from there. Without
        /// arithmetic on `Duration`, which has 128 bits.
        ///
        /// - Throws: ``LockPoolError``, also if the task is cancelled: for a pool on this one that has an error of its own for that.
        @inlinable
        @inline(__always)
        package func getInLine(nanoseconds: UInt64) async throws(LockPoolError) -> LockGuard<Element> {
            // Nothing else of the pool object is used from here on, and it has to live for as long as the wait.
            defer { withExtendedLifetime(self) {} }
            let wakeup = await core.wait(deadlines: deadlines, ticks: UInt(ticksOfNanoseconds: nanoseconds))
            return LockGuard(slot: try core.slot(from: wakeup))
        }

        /// Gets an element, waiting in line until `deadline` at most if none is idle.
        ///
        /// - Parameters:
        ///   - deadline: When to give up.
        ///   - clock: The clock that `deadline` is of. The wait itself is timed by the pool's clock.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: As ``get(timeout:)``.
        /// - Complexity: As ``get()``.
        @inlinable
        public func get<C: Clock<Duration>>(
            until deadline: C.Instant,
            clock: C = ContinuousClock()
        ) async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            // Nothing else of the pool object is used from here on, and it has to live for as long as the wait.
            defer { withExtendedLifetime(self) {} }
            let ticks = UInt(ticksOf: clock.now.duration(to: deadline))
            return LockGuard(slot: try core.slotForTask(from: await core.wait(deadlines: deadlines, ticks: ticks)))
        }

        /// Gets an element, blocking the thread while none is idle.
        ///
        /// For threads of one's own: blocked threads and suspended tasks wait in one line. Not for asynchronous code, whose threads
        /// must not block; the compiler sees to that.
        ///
        /// - Parameter timeout: How long to wait, by the system's monotonic clock; `nil` for as long as it takes.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed`, `tooManyWaiters`, or `timedOut`. A timeout of zero or less still
        ///   gets what is idle.
        /// - Complexity: As ``get()``.
        @available(*, noasync, message: "Blocks the thread; use get.")
        @inlinable
        public func getBlocking(timeout: Duration? = nil) throws(LockPoolError) -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.waitBlocking(timeout: timeout))
        }

    #endif
}

// MARK: - Lazy pools

extension LockPool where Element: ~Copyable {
    #if !hasFeature(Embedded)

        /// Gets an idle element, or creates one in a vacant slot, or waits in line for either.
        ///
        /// `create` runs in the caller's task, on its actor. When it throws, the slot is vacant again and the oldest waiter gets
        /// its chance. Only for pools that are filled by callers.
        ///
        /// - Parameters:
        ///   - timeout: How long to wait in line; `nil` for as long as it takes. Does not limit `create`.
        ///   - create: Makes an element.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: What `create` throws, unchanged; else as ``get(timeout:)``.
        /// - Complexity: As ``get()``.
        public func getOrCreate(
            timeout: Duration? = nil,
            _ create: () async throws -> sending Element
        ) async throws -> LockGuard<Element> {
            precondition(
                core.shape.callersCreate,
                "LockPool: this pool is not filled by callers, so check out with get."
            )
            if let slot = core.leaseIdleSlot(stride: core.shape.stride) { return LockGuard(slot: slot) }
            let slot: Slot
            if let vacant = core.reserveForNewcomer() {
                slot = vacant
            } else {
                defer { withExtendedLifetime(self) {} }
                let ticks = timeout.map { UInt(ticksOf: $0) }
                slot = try core.slotForTask(from: await core.wait(deadlines: deadlines, ticks: ticks, creates: true))
                if !core.isReserved(slot) { return LockGuard(slot: slot) }
            }
            // Ends as abandoned if `create` throws.
            let reservation = Reservation<Element>(slot: slot)
            let element = try await create()
            return reservation.lease(element)
        }

    #endif

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

    /// Adds slots that are not in use until there are so many.
    package func addSlots(until count: Int) { core.addSlots(until: count) }

    /// Changes how many slots are in use, and adds slots where ``capacity`` is less.
    ///
    /// Where there are too many, what nobody misses is retired first: vacant slots, then idle ones, whose elements are destroyed
    /// now; then leased ones, whose elements are destroyed when they come back. If others are idle by then, calling this again with
    /// the same size lets one of those go instead. Slots that come into use again are vacant, unless their element is still leased;
    /// where callers create, the oldest waiters are handed them. Not for several threads at once.
    ///
    /// - Parameter size: At least one, and at most ``capacity`` at the pool's start plus 4,194,240.
    /// - Complexity: O(slots). Allocates where slots are added, which stay for as long as the pool.
    public func resize(to size: Int) {
        precondition(1...core.largestCapacity ~= size, "LockPool: the size must be from 1 to \(core.largestCapacity).")
        core.resize(to: size)
    }
}
