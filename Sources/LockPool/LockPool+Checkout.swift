// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// Leases an idle element if no caller waits.
    ///
    /// - Returns: A guard; `nil` if no element is idle, a caller waits, or the pool is closed.
    /// - Complexity: O(1) if the element that this thread returned last is idle, which is one
    ///   atomic exchange; otherwise O(slots).
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

        /// Leases an element, and waits in line if none is idle.
        ///
        /// Does not suspend if an element is idle and no caller waits, and then does not check
        /// for cancellation either. Traps if it has to wait in a pool whose callers create
        /// elements: in such a pool, ``getOrCreate(timeout:_:)`` waits.
        ///
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed` or `tooManyWaiters`;
        ///   `CancellationError` if the task is cancelled while it waits.
        /// - Complexity: As ``tryGet()``. A wait allocates nothing, and lasts for at most
        ///   ⌈position in line ÷ slots⌉ × the longest hold. It costs O(slots ÷ 64), and O(1) for
        ///   each slot that was leased while no caller waited.
        @inlinable
        @inline(__always)
        public func get() async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            // Nothing below uses the pool object, which must live as long as the wait.
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.slotForTask(from: await core.wait(deadlines: deadlines, ticks: nil)))
        }

        /// Leases an element, and waits in line for at most `timeout` if none is idle.
        ///
        /// - Parameter timeout: The longest wait. It costs nothing unless the caller waits, and
        ///   then no task or timer of its own. With zero or less, the call succeeds only if an
        ///   element is idle.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: As ``get()``, and ``LockPoolError`` with the code `timedOut`.
        /// - Complexity: As ``get()``.
        @inlinable
        @inline(__always)
        public func get(timeout: Duration) async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            // Nothing below uses the pool object, which must live as long as the wait.
            defer { withExtendedLifetime(self) {} }
            let wakeup = await core.wait(deadlines: deadlines, ticks: UInt(ticksOf: timeout))
            return LockGuard(slot: try core.slotForTask(from: wakeup))
        }

        /// Leases an element for a caller that has just found none idle. Gets in line and
        /// examines the slots from there.
        ///
        /// Avoids arithmetic on `Duration`, which has 128 bits.
        ///
        /// - Throws: ``LockPoolError``, also if the task is cancelled: a pool on top of this one
        ///   throws its own error.
        @inlinable
        @inline(__always)
        package func getInLine(nanoseconds: UInt64) async throws(LockPoolError) -> LockGuard<Element> {
            // Nothing below uses the pool object, which must live as long as the wait.
            defer { withExtendedLifetime(self) {} }
            let wakeup = await core.wait(deadlines: deadlines, ticks: UInt(ticksOfNanoseconds: nanoseconds))
            return LockGuard(slot: try core.slot(from: wakeup))
        }

        /// Leases an element, and waits in line until `deadline` if none is idle.
        ///
        /// - Parameters:
        ///   - deadline: The end of the wait.
        ///   - clock: The clock of `deadline`. The pool's clock times the wait itself.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: As ``get(timeout:)``.
        /// - Complexity: As ``get()``.
        @inlinable
        public func get<C: Clock<Duration>>(
            until deadline: C.Instant,
            clock: C = ContinuousClock()
        ) async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Slot.stride(Element.self)) { return LockGuard(slot: slot) }
            // Nothing below uses the pool object, which must live as long as the wait.
            defer { withExtendedLifetime(self) {} }
            let ticks = UInt(ticksOf: clock.now.duration(to: deadline))
            return LockGuard(slot: try core.slotForTask(from: await core.wait(deadlines: deadlines, ticks: ticks)))
        }

        /// Leases an element, and blocks the thread while none is idle.
        ///
        /// For threads of the program's own. Blocked threads and suspended tasks wait in one
        /// line. Asynchronous code must not block its threads and cannot call this method.
        ///
        /// - Parameter timeout: The longest wait, by the system's monotonic clock; `nil` for no
        ///   limit. With zero or less, the call succeeds only if an element is idle.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed`, `tooManyWaiters` or `timedOut`.
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

        /// Leases an idle element, or creates one in a vacant slot, or waits in line for either.
        ///
        /// `create` runs in the caller's task, on its actor. If it throws, the slot becomes
        /// vacant again and the oldest waiter receives it. Only for pools whose callers create
        /// elements.
        ///
        /// - Parameters:
        ///   - timeout: The longest wait in line; `nil` for no limit. Does not limit `create`.
        ///   - create: Returns a new element.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: The error that `create` throws, unchanged; otherwise as ``get(timeout:)``.
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
            // Abandoned if `create` throws.
            let reservation = Reservation<Element>(slot: slot)
            let element = try await create()
            return reservation.lease(element)
        }

    #endif

    /// Reserves a vacant slot, which the caller fills.
    ///
    /// Only for pools that are filled by reservation. A full pool is such a pool: its slots
    /// become vacant by ``LockGuard/take()`` and ``LockGuard/discard()``.
    ///
    /// - Returns: The reservation; `nil` if no slot is vacant.
    /// - Complexity: O(slots).
    @inlinable
    public func tryReserve() -> Reservation<Element>? {
        precondition(!core.shape.callersCreate, "LockPool: the vacant slots of this pool are filled by getOrCreate.")
        guard let slot = core.reserveVacantSlot() else { return nil }
        return Reservation(slot: slot)
    }

    /// Adds slots that are not in use until there are `count`.
    package func addSlots(until count: Int) { core.addSlots(until: count) }

    /// Whether a slot that is out of use is still leased. O(slots).
    package var hasGoingSlots: Bool { core.hasGoingSlots }

    /// Changes the number of slots in use, and adds slots if there are fewer.
    ///
    /// A smaller size retires vacant slots first, then idle ones, whose elements are destroyed
    /// now, then leased ones, whose elements are destroyed on their return. If other slots have
    /// become idle by then, another call with the same size retires those instead. Restored slots
    /// are vacant unless their element is still leased. If callers create, the oldest waiters
    /// receive them. Not safe to call concurrently.
    ///
    /// - Parameter size: At least one, and at most the initial number plus 4,194,240.
    /// - Complexity: O(slots). Allocates added slots, which last as long as the pool.
    public func resize(to size: Int) {
        precondition(1...core.largestCapacity ~= size, "LockPool: the size must be from 1 to \(core.largestCapacity).")
        core.resize(to: size)
    }
}
