// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A pool of elements, each for one holder at a time, with a strictly fair and bounded line of waiters.
///
/// ```swift
/// let pool = LockPool(count: 4, maximumWaiters: 1_000) { _ in Parser() }
/// var parser = try await pool.get()
/// parser.withElement { $0.parse(text) }
/// // goes back at the end of the scope
/// ```
///
/// - A slot has one holder at most.
/// - Who waits is served in the order of arrival. Once a caller is in line, nobody who came later is served before it, not
///   even by ``tryGet()``.
/// - A waiter that is cancelled or times out never takes an element with it.
/// - The line is bounded: past ``maximumWaiters`` a caller is refused at once.
/// - The pool allocates when it is made, when callers first wait, 16 at a time, and when it grows; and no thread ever blocks or
///   spins on another.
/// - It may be closed or dropped while guards are out.
///
/// A slot is *vacant* (without an element), *idle*, or in somebody's hand. A pool is full from the start, or lazy. A lazy pool
/// is filled by its callers, who create in a vacant slot when nothing is idle (``getOrCreate(timeout:_:)``), or from outside,
/// by reservations (``tryReserve()``).
public final class LockPool<Element: ~Copyable>: Sendable {
    @usableFromInline let core: Core
    #if !hasFeature(Embedded)
        @usableFromInline let deadlines: Deadlines
    #endif

    #if !hasFeature(Embedded)

        /// A full pool.
        ///
        /// - Parameters:
        ///   - count: The number of elements; at least one.
        ///   - maximumWaiters: How many callers may wait at a time; 0 for none at all, at most 262,144 (256 on 32 bits).
        ///   - clock: What deadlines are measured by.
        ///   - makeElement: Makes the element for an index from 0 to `count - 1`; called in that order.
        /// - Throws: What `makeElement` throws; the elements made before are destroyed.
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
                // Nobody else knows the pool, so its slot is vacant.
                Reservation(slot: core.reserveVacantSlot(index)!).fulfill(element)
            }
        }

        /// A lazy pool whose callers create, by ``getOrCreate(timeout:_:)``, when nothing is idle.
        ///
        /// - Parameters:
        ///   - capacity: The number of slots, which are vacant at first; at least one.
        ///   - maximumWaiters: How many callers may wait at a time; 0 for none at all, at most 262,144 (256 on 32 bits).
        ///   - clock: What deadlines are measured by.
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

        /// A lazy pool that is filled from outside, by ``tryReserve()``.
        ///
        /// - Parameters:
        ///   - capacity: The number of slots, which are vacant at first; at least one.
        ///   - maximumWaiters: How many callers may wait at a time; 0 for none at all, at most 262,144 (256 on 32 bits).
        ///   - clock: What deadlines are measured by.
        ///   - onVacancy: Called with the number of callers in line when a slot is vacant while one waits, on the thread that brought that
        ///     about; perhaps more than once for the same slot. Reserve it then, or later. Must not block, and must not keep the pool alive.
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

        /// A lazy pool that hands the elements that it gives up, because it is closed, dropped or shrunk, to `destroyElement`.
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

        // Without a runtime there is no clock and nobody who sleeps: callers that wait are callbacks.

        /// A full pool.
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

        /// A lazy pool that is filled from outside, by ``tryReserve()``.
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
    /// The number of slots, those included that ``resize(to:)`` has put out of use. It grows by 64 or more at a time.
    public var capacity: Int { core.capacity }

    /// How many callers may wait at a time.
    public var maximumWaiters: Int { core.shape.maximumWaiters }

    /// The number of callers in line now. Exact, but for one for each thread that is putting a caller in line or taking one out.
    public var waiters: Int { core.waiters }

    /// The number of slots that are not vacant. O(capacity ÷ 64).
    package var occupied: Int { core.occupied }

    /// Wakes the oldest waiter without an element: its ``get()`` throws an error with none of the public codes.
    ///
    /// - Parameter reason: A number that the error has as its ``LockPoolError/reason``. Not negative.
    /// - Returns: Whether a caller waited.
    package func failOldestWaiter(reason: Int = 0) -> Bool {
        guard let record = core.dequeue() else { return false }
        core.trim()
        core.wake(record, Wakeup.failed - reason)
        return true
    }

    /// Refuses newcomers, fails everyone who waits with ``LockPoolError/Code/closed``, destroys what is idle, and lets
    /// what is leased be destroyed on its return.
    ///
    /// Safe to call again, and from several threads at once.
    ///
    /// - Complexity: O(slots + waiters).
    public func close() {
        core.close()
        #if !hasFeature(Embedded)
            // Nobody waits any more.
            deadlines.stop()
        #endif
    }

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { core.isClosed }
}
