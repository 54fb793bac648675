// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@_spi(Callbacks) import LockPool

/// The common interface of both kinds of pool, for tests of both.
protocol TestedPool<Element>: AnyObject, Sendable {
    associatedtype Element

    var waiters: Int { get }
    var occupancy: Occupancy { get }
    var slots: Range<Int> { get }
    var debugDescription: String { get }
    func peek(_ index: Int) -> SlotState
    func tryGet() -> LockGuard<Element>?
    func tryGet(slot index: Int) -> LockGuard<Element>?
    func get() async throws -> LockGuard<Element>
    @available(*, noasync)
    func getBlocking(timeout: Duration?) throws(LockPoolError) -> LockGuard<Element>
    func tryReserve() -> Reservation<Element>?
    @unsafe
    func wait(
        context: UnsafeMutableRawPointer,
        onTurn: @convention(c) (UnsafeMutableRawPointer, Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket
    func cancel(_ waiter: WaiterTicket) -> Bool
    @unsafe func lease(_ turn: Turn) throws(LockPoolError) -> LockGuard<Element>
    func close()
    var isClosed: Bool { get }
}

extension LockPool: TestedPool {}

/// A fixed pool that tasks can share: its memory is a part of this object.
final class Fixed<let count: Int, let maximumWaiters: Int, Element>: TestedPool {
    let pool: FixedLockPool<count, maximumWaiters, Element>

    init(makeElement: (Int) -> sending Element) { pool = FixedLockPool { makeElement($0) } }

    var waiters: Int { pool.waiters }
    var occupancy: Occupancy { pool.occupancy }
    var slots: Range<Int> { pool.slots }
    var debugDescription: String { pool.debugDescription }
    func peek(_ index: Int) -> SlotState { pool.peek(index) }
    func tryGet() -> LockGuard<Element>? { pool.tryGet() }
    func tryGet(slot index: Int) -> LockGuard<Element>? { pool.tryGet(slot: index) }
    func get() async throws -> LockGuard<Element> { try await pool.get() }
    @available(*, noasync)
    func getBlocking(timeout: Duration?) throws(LockPoolError) -> LockGuard<Element> {
        try pool.getBlocking(timeout: timeout)
    }
    func tryReserve() -> Reservation<Element>? { pool.tryReserve() }
    func wait(
        context: UnsafeMutableRawPointer,
        onTurn: @convention(c) (UnsafeMutableRawPointer, Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket {
        try unsafe pool.wait(context: context, onTurn: onTurn)
    }
    func cancel(_ waiter: WaiterTicket) -> Bool { pool.cancel(waiter) }
    func lease(_ turn: Turn) throws(LockPoolError) -> LockGuard<Element> { try unsafe pool.lease(turn) }
    func close() { pool.close() }
    var isClosed: Bool { pool.isClosed }
}

extension TestedPool {
    /// Whether `tryGet` finds no element.
    var givesNothing: Bool {
        guard case .none = tryGet() else { return false }
        return true
    }

    /// Starts a task, and returns when it is the `count`th waiter.
    func taskInLine<Success: Sendable>(
        _ count: Int,
        _ operation: @escaping @Sendable () async throws -> Success
    ) async -> Task<Success, any Error> {
        let task = Task { try await operation() }
        await until { waiters == count }
        return task
    }

    /// Starts a task that records its turn, and returns when it waits behind `number` others.
    func taskNotingTurn(_ number: Int, in order: Order) async -> Task<Void, any Error> {
        await taskInLine(number + 1) { [self] in
            let lease = try await get()
            order.append(number)
            lease.release()
        }
    }

    /// The same with a thread that is blocked while it waits.
    func threadNotingTurn(_ number: Int, in order: Order) async -> Task<Void, any Error> {
        await taskInLine(number + 1) { [self] in
            await onFreshThread {
                guard let lease = try? self.getBlocking(timeout: nil) else { return }
                order.append(number)
                lease.release()
            }
        }
    }
}

extension [any TestedPool<Int>] {
    /// One pool of each kind, each with one element and 16 waiters at most.
    static var ofOne: Self { [LockPool(count: 1, maximumWaiters: 16) { $0 }, Fixed<1, 16, _> { $0 }] }

    /// One pool of each kind, each with one element and one waiter at most.
    static var ofOneForOne: Self { [LockPool(count: 1, maximumWaiters: 1) { $0 }, Fixed<1, 1, _> { $0 }] }
}
