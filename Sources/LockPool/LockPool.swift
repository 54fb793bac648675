// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A pool of elements with one holder each, and with a strictly fair and bounded line of waiters.
///
/// ```swift
/// let pool = LockPool(count: 4, maximumWaiters: 1_000) { _ in Parser() }
/// var parser = try await pool.get()
/// parser.withElement { $0.parse(text) }
/// // returned at the end of the scope
/// ```
///
/// - A slot has at most one holder.
/// - Waiters are served in FIFO order. No later caller is served before a waiter, not even by
///   ``tryGet()``.
/// - A waiter that is cancelled or times out never loses an element.
/// - The line is bounded: beyond ``maximumWaiters``, a caller is refused at once.
/// - The pool allocates at its creation, when callers first wait, 16 at a time, and when it
///   grows. Apart from the allocator, no thread blocks or spins on another.
/// - The pool may be closed or dropped while guards exist.
///
/// A slot is *vacant* (without an element), *idle*, *leased* or *reserved*. A pool is full from
/// the start, or lazy. A lazy pool is filled by its callers, which create elements in vacant
/// slots when none is idle (``getOrCreate(timeout:_:)``), or from outside, by reservations
/// (``tryReserve()``).
public final class LockPool<Element: ~Copyable>: Sendable {
    @usableFromInline let core: Core
    #if !hasFeature(Embedded)
        @usableFromInline let deadlines: Deadlines
    #endif

    #if !hasFeature(Embedded)

        /// Creates a full pool.
        ///
        /// - Parameters:
        ///   - count: The number of elements; at least one.
        ///   - maximumWaiters: The largest number of concurrent waiters, from 0 to 262,144 (256
        ///     on 32 bits).
        ///   - clock: The clock of the deadlines.
        ///   - makeElement: Returns the element for an index from 0 to `count - 1`; called in
        ///     that order.
        /// - Throws: The error that `makeElement` throws, after the elements made before are
        ///   destroyed.
        /// - Complexity: O(`count` + `maximumWaiters`) in time and memory.
        @inlinable
        public convenience init<Failure: Error>(
            count: Int,
            maximumWaiters: Int,
            clock: some Clock<Duration> = ContinuousClock(),
            makeElement: (Int) throws(Failure) -> sending Element
        ) throws(Failure) {
            self.init(capacity: count, maximumWaiters: maximumWaiters, clock: clock, onVacancy: { _ in })
            for index in 0..<count {
                let element = try makeElement(index)
                // No other thread knows the pool, so its slot is vacant.
                Reservation(slot: core.reserveVacantSlot(index)!).fulfill(element)
            }
        }

        /// Creates a lazy pool whose callers create elements by ``getOrCreate(timeout:_:)`` when
        /// none is idle.
        ///
        /// - Parameters:
        ///   - capacity: The number of slots, which are vacant at first; at least one.
        ///   - maximumWaiters: The largest number of concurrent waiters, from 0 to 262,144 (256
        ///     on 32 bits).
        ///   - clock: The clock of the deadlines.
        /// - Complexity: O(`capacity` + `maximumWaiters`) in time and memory.
        @inlinable
        public convenience init(
            capacity: Int,
            maximumWaiters: Int,
            clock: some Clock<Duration> = ContinuousClock()
        ) {
            self.init(
                capacity: capacity,
                maximumWaiters: maximumWaiters,
                callersCreate: true,
                clock: clock,
                destroyElement: { _ in },
                onVacancy: { _ in }
            )
        }

        /// Creates a lazy pool that is filled from outside, by ``tryReserve()``.
        ///
        /// - Parameters:
        ///   - capacity: The number of slots, which are vacant at first; at least one.
        ///   - maximumWaiters: The largest number of concurrent waiters, from 0 to 262,144 (256
        ///     on 32 bits).
        ///   - clock: The clock of the deadlines.
        ///   - onVacancy: Called with the number of callers in line when a slot is vacant while a
        ///     caller waits, on the thread that caused it, perhaps more than once for a slot. It
        ///     may reserve the slot at once or have it reserved later. Must not block, and must
        ///     not keep the pool alive.
        /// - Complexity: O(`capacity` + `maximumWaiters`) in time and memory.
        @inlinable
        public convenience init(
            capacity: Int,
            maximumWaiters: Int,
            clock: some Clock<Duration> = ContinuousClock(),
            onVacancy: @escaping @Sendable (_ waiters: Int) -> Void
        ) {
            self.init(
                capacity: capacity,
                maximumWaiters: maximumWaiters,
                callersCreate: false,
                clock: clock,
                destroyElement: { _ in },
                onVacancy: onVacancy
            )
        }

        /// Creates a lazy pool that passes elements to `destroyElement` when it is closed,
        /// dropped or shrunk.
        @inlinable
        package convenience init(
            capacity: Int,
            maximumWaiters: Int,
            callersCreate: Bool,
            clock: some Clock<Duration>,
            destroyElement: @escaping @Sendable (consuming Element) -> Void,
            onVacancy: @escaping @Sendable (_ waiters: Int) -> Void
        ) {
            self.init(
                core: Core(
                    allocating: Core.Shape(
                        count: capacity,
                        maximumWaiters: maximumWaiters,
                        callersCreate: callersCreate,
                        slotStride: Slot.stride(Element.self),
                        slotAlignment: MemoryLayout<Element>.alignment,
                        heap: Memory.heap,
                        destroyElement: { slot in destroyElement(unsafe slot.element(Element.self).move()) },
                        onVacancy: onVacancy
                    ),
                    alignment: MemoryLayout<Element>.alignment
                ),
                clock: PoolClock(clock)
            )
        }

        @usableFromInline
        init(core: Core, clock: PoolClock) {
            self.core = core
            deadlines = Deadlines(core: core, clock: clock)
        }

    #else

        // Without a runtime there is no clock and no sleeping task. All waiters are callbacks.

        /// Creates a full pool.
        public convenience init<Failure: Error>(
            count: Int,
            maximumWaiters: Int,
            makeElement: (Int) throws(Failure) -> sending Element
        ) throws(Failure) {
            self.init(capacity: count, maximumWaiters: maximumWaiters, onVacancy: { _ in })
            for index in 0..<count {
                let element = try makeElement(index)
                Reservation(slot: core.reserveVacantSlot(index)!).fulfill(element)
            }
        }

        /// Creates a lazy pool that is filled from outside, by ``tryReserve()``.
        public init(capacity: Int, maximumWaiters: Int, onVacancy: @escaping @Sendable (_ waiters: Int) -> Void) {
            core = Core(
                allocating: Core.Shape(
                    count: capacity,
                    maximumWaiters: maximumWaiters,
                    callersCreate: false,
                    slotStride: Slot.stride(Element.self),
                    slotAlignment: MemoryLayout<Element>.alignment,
                    heap: Memory.heap,
                    destroyElement: { slot in unsafe slot.element(Element.self).deinitialize(count: 1) },
                    onVacancy: onVacancy
                ),
                alignment: MemoryLayout<Element>.alignment
            )
        }
    #endif

    deinit {
        #if !hasFeature(Embedded)
            deadlines.stop()
        #endif
        core.drop()
    }
}

extension LockPool where Element: ~Copyable {
    /// The number of slots, including those that ``resize(to:)`` has retired.
    package var capacity: Int { core.capacity }

    /// The largest number of concurrent waiters.
    public var maximumWaiters: Int { core.shape.maximumWaiters }

    /// The number of callers in line. May differ by one for each thread that is putting a caller
    /// in line or taking one out.
    public var waiters: Int { core.waiters }

    /// The number of slots that are not vacant. O(capacity ÷ 64).
    package var occupied: Int { core.occupied }

    /// Fails the oldest waiter: its ``get()`` throws an error with none of the public codes.
    ///
    /// - Parameter reason: The ``LockPoolError/reason`` of the error. Not negative.
    /// - Returns: Whether a caller waited.
    package func failOldestWaiter(reason: Int = 0) -> Bool {
        guard let record = core.dequeue() else { return false }
        core.trim()
        core.wake(record, Wakeup.failed - reason)
        return true
    }

    /// Closes the pool: refuses new callers, fails all waiters with
    /// ``LockPoolError/Code/closed``, and destroys the idle elements now and the leased ones on
    /// their return.
    ///
    /// Safe to call repeatedly and concurrently.
    ///
    /// - Complexity: O(slots + waiters).
    public func close() {
        core.close()
        #if !hasFeature(Embedded)
            // No caller waits any more.
            deadlines.stop()
        #endif
    }

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { core.isClosed }
}
