// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// The machine beneath the core in this checker. The interface is that of the core's
// `Machine.swift`, with the orderings of C++20. Each operation knows its location in the core, so
// that it can be weakened alone.

/// The orderings of an operation: of a load, a store or a successful exchange, and of an exchange
/// that fails.
struct Orderings: Equatable {
    var success: rx_order
    var failure = rx_relaxed

    /// The orderings of the methods of `Word`. `MachineOrderings.swift` compares them with the
    /// core's `Machine.swift`.
    static let ofMethods: [String: Orderings] = [
        "loadRelaxed": Orderings(success: rx_relaxed),
        "loadSettled": Orderings(success: rx_relaxed),
        "loadAcquire": Orderings(success: rx_acquire),
        "load": Orderings(success: rx_sequential),
        "storeRelaxed": Orderings(success: rx_relaxed),
        "compareExchangeAcquire": Orderings(success: rx_acquire),
        "compareExchangeRelease": Orderings(success: rx_release),
        "compareExchangeAcquireRelease": Orderings(success: rx_acquire_release, failure: rx_acquire),
        "compareExchange": Orderings(success: rx_sequential, failure: rx_sequential),
        "add": Orderings(success: rx_relaxed),
        "subtractOne": Orderings(success: rx_acquire_release),
        "increase": Orderings(success: rx_sequential),
        "decrease": Orderings(success: rx_sequential),
    ]
}

@frozen
@usableFromInline
struct Word: @unchecked Sendable {
    @usableFromInline let address: UnsafeMutablePointer<UInt>

    @inlinable
    init(at address: UnsafeMutableRawPointer) { self.address = address.assumingMemoryBound(to: UInt.self) }

    func initialize(to value: UInt) {
        address.initialize(to: value)
        guard scheduler.caller >= 0 else { return Memory.initialize(address, value) }
        // New memory: a caller without a happens-before relation may find the previous contents.
        Memory.initialize(address, Memory.uninitialized)
        store(value, rx_relaxed, isExchange: false)
    }

    /// Not a step: the word does not change any more, and the caller must be certain of that.
    func loadSettled(_ file: StaticString = #fileID, _ line: UInt = #line) -> UInt {
        Memory.willTouch(address)
        if scheduler.caller < 0 || Memory.isPeeking { return address.pointee }
        let operation = operations.find("loadSettled", file, line)
        let caller = Int32(scheduler.caller)
        let word = Memory.word(address)
        if rx_candidates(caller, word, rx_relaxed, nil, distances) > 1 {
            scheduler.fail("a word is taken for settled, and may be read as it was before")
        }
        let value = UInt(rx_load(caller, word, rx_relaxed, 0))
        operations.note(operation, self, "reads \(value)")
        return value
    }

    @usableFromInline
    func loadRelaxed(_ file: StaticString = #fileID, _ line: UInt = #line) -> UInt {
        read(operations.find("loadRelaxed", file, line))
    }

    @usableFromInline
    func loadAcquire(_ file: StaticString = #fileID, _ line: UInt = #line) -> UInt {
        read(operations.find("loadAcquire", file, line))
    }

    @usableFromInline
    func load(_ file: StaticString = #fileID, _ line: UInt = #line) -> UInt {
        read(operations.find("load", file, line))
    }

    @usableFromInline
    func storeRelaxed(
        _ value: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) {
        write(value, operations.find("storeRelaxed", file, line))
    }

    @usableFromInline
    func compareExchangeAcquire(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        exchange(old, new, operations.find("compareExchangeAcquire", file, line))
    }

    @usableFromInline
    func compareExchangeRelease(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        let isExchanged = exchange(old, new, operations.find("compareExchangeRelease", file, line))
        // A release gives up ownership, and any event may happen before this caller's next step.
        if isExchanged { scheduler.pause() }
        return isExchanged
    }

    @usableFromInline
    func compareExchangeAcquireRelease(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        exchange(old, new, operations.find("compareExchangeAcquireRelease", file, line))
    }

    @usableFromInline
    func compareExchange(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        exchange(old, new, operations.find("compareExchange", file, line))
    }

    @usableFromInline
    func add(
        _ amount: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> UInt {
        modify(operations.find("add", file, line)) { $0 &+ amount }
    }

    @usableFromInline
    func subtractOne(_ file: StaticString = #fileID, _ line: UInt = #line) -> UInt {
        modify(operations.find("subtractOne", file, line)) { $0 &- 1 }
    }

    @usableFromInline
    func increase(by amount: UInt, _ file: StaticString = #fileID, _ line: UInt = #line) {
        _ = modify(operations.find("increase", file, line)) { $0 &+ amount }
    }

    @usableFromInline
    func decrease(by amount: UInt, _ file: StaticString = #fileID, _ line: UInt = #line) {
        _ = modify(operations.find("decrease", file, line)) { $0 &- amount }
    }
}

// MARK: - Effects of an operation on the memory

nonisolated(unsafe) private let distances = UnsafeMutablePointer<Int32>.allocate(capacity: rx_values)

extension Word {
    func read(_ operation: Int) -> UInt {
        if Memory.isPeeking { return address.pointee }
        scheduler.step(at: address)
        let caller = Int32(scheduler.caller)
        if caller < 0 { return address.pointee }
        let order = operations.orderings[operation].success
        let word = Memory.word(address)
        let count = rx_candidates(caller, word, order, nil, distances)
        let distance = distances[scheduler.choices.chooseValue(from: Int(count))]
        let value = UInt(rx_load(caller, word, order, distance))
        Memory.checkInitialized(value)
        operations.note(operation, self, distance == 0 ? "reads \(value)" : "reads \(value), which is stale")
        // A caller that reads an old queue counts as an earlier arrival in the order of the line.
        if distance == 0 { world.noteLoad(of: address) }
        return value
    }

    func write(_ value: UInt, _ operation: Int) {
        scheduler.step(at: address)
        store(value, operations.orderings[operation].success, isExchange: false)
        operations.note(operation, self, "writes \(value)")
    }

    func modify(_ operation: Int, _ change: (UInt) -> UInt) -> UInt {
        scheduler.step(at: address)
        let old = address.pointee
        store(change(old), operations.orderings[operation].success, isExchange: true)
        operations.note(operation, self, "exchanges \(old) for \(change(old))")
        return old
    }

    /// Compares and exchanges. A failure may read an old value, but not one that equals the
    /// expected value.
    func exchange(_ old: UInt, _ new: UInt, _ operation: Int) -> Bool {
        scheduler.step(at: address)
        let caller = Int32(scheduler.caller)
        let orderings = operations.orderings[operation]
        let succeeds = address.pointee == old
        if caller < 0 {
            if succeeds { store(new, rx_sequential, isExchange: true) }
            return succeeds
        }
        var expected = UInt64(old)
        let word = Memory.word(address)
        let failures = Int(rx_candidates(caller, word, orderings.failure, &expected, distances))
        let choice = scheduler.choices.chooseValue(from: failures + (succeeds ? 1 : 0))
        if succeeds, choice == 0 {
            store(new, orderings.success, isExchange: true)
            operations.note(operation, self, "exchanges \(old) for \(new)")
            return true
        }
        let distance = distances[succeeds ? choice - 1 : choice]
        let value = rx_load(caller, word, orderings.failure, distance)
        Memory.checkInitialized(UInt(value))
        let isStale = distance == 0 ? "" : ", which is stale"
        operations.note(operation, self, "fails to exchange \(old) for \(new), because it reads \(value)\(isStale)")
        return false
    }

    private func store(_ value: UInt, _ order: rx_order, isExchange: Bool) {
        if !rx_store(Int32(scheduler.caller), Memory.word(address), UInt64(value), order, isExchange) {
            scheduler.fail("no end: a word has too many values")
        }
        address.pointee = value
    }
}

// MARK: - Memory

/// The memory of one pool at a time, in a buffer that outlives it: an access after the free is
/// detected and harmless.
@usableFromInline
enum Memory {
    private struct Allocation {
        let range: Range<UnsafeMutableRawPointer>
        var isAlive = true
    }

    private static let capacity = 1 << 13
    nonisolated(unsafe) private static let buffer = UnsafeMutableRawPointer.allocate(
        byteCount: capacity,
        alignment: 128
    )
    /// The number of the word, or of the nonatomic data, at each location, plus one; 0 for none.
    nonisolated(unsafe) private static let numbers: UnsafeMutablePointer<UInt8> = {
        let numbers = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity / 8)
        numbers.initialize(repeating: 0, count: capacity / 8)
        return numbers
    }()
    /// The locations with a number.
    nonisolated(unsafe) private static var places: [Int] = []
    /// The block, and then its chunks.
    nonisolated(unsafe) private static var allocations: [Allocation] = []
    nonisolated(unsafe) private static var isLent = false
    /// Whether the world reads for one of its own checks.
    nonisolated(unsafe) static var isPeeking = false

    /// The contents of new memory.
    static var uninitialized: UInt { 0xDEAD_DEAD_DEAD_DEAD }

    /// Whether the world is told of each successful exchange.
    static var tellsChanges: Bool { false }

    static var isAlive: Bool { allocations.contains { $0.isAlive } }

    @usableFromInline
    struct Heap {
        let allocate: @convention(c) (_ byteCount: Int, _ alignment: Int) -> UnsafeMutableRawPointer
        let free: @convention(c) (UnsafeMutableRawPointer) -> Void
    }

    static var heap: Heap {
        Heap(allocate: { Memory.allocate(byteCount: $0, alignment: $1) }, free: { Memory.free($0) })
    }

    /// Starts the memory of another pool.
    static func reset() {
        allocations.removeAll(keepingCapacity: true)
        isLent = false
        rx_reset()
        for place in places { numbers[place] = 0 }
        places.removeAll(keepingCapacity: true)
    }

    static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        let start = allocations.last.map { ($0.range.upperBound - buffer + 127) / 128 * 128 } ?? 0
        precondition(start + byteCount <= capacity && alignment <= 128)
        allocations.append(Allocation(range: buffer + start..<buffer + start + byteCount))
        return buffer + start
    }

    /// Memory for a block that the core must not free, and that must not be accessed after
    /// `reclaim()`.
    static func lend(byteCount: Int) -> UnsafeMutableRawPointer {
        isLent = true
        return allocate(byteCount: byteCount, alignment: 128)
    }

    static func reclaim() { end() }

    static func free(_ address: UnsafeMutableRawPointer) {
        if isLent { scheduler.fail("memory that is not the block's own is freed") }
        guard let index = allocations.firstIndex(where: { $0.range.lowerBound == address }) else {
            return scheduler.fail("memory is freed that was not allocated")
        }
        if !allocations[index].isAlive {
            scheduler.fail(index == 0 ? "the block is freed twice" : "a chunk is freed twice")
        }
        guard index == 0 else { return allocations[index].isAlive = false }
        end()
        if isAlive { scheduler.fail("the block is freed before its chunks") }
    }

    static func checkInitialized(_ value: UInt) {
        if value == uninitialized { scheduler.fail("memory is read that is not initialized for the caller") }
    }

    private static func end() {
        if !rx_may_end(Int32(scheduler.caller)) {
            scheduler.fail("data race: the block ends, and an access by another caller does not happen before")
        }
        allocations[0].isAlive = false
        world.checkFreed()
    }

    @usableFromInline
    static func willTouch(_ address: UnsafeMutableRawPointer, _ function: StaticString = #function) {
        guard let allocation = allocations.first(where: { $0.range.contains(address) }) else {
            return scheduler.fail("memory outside of the block is touched")
        }
        if !allocation.isAlive { scheduler.fail("memory of the block is touched after it was freed") }
        // Constant nonatomic data is not counted, because the promises also read it.
        let (isStep, isElement, isWaker) = (function == "step(at:)", function == "element(_:)", function == "waker")
        guard isStep || isElement || isWaker else { return }
        let caller = Int32(scheduler.caller)
        rx_touch(caller)
        if isStep { return }
        use(address + (isElement ? 16 : 24))
    }

    /// An access to nonatomic data with one user at a time: an element, or a waker.
    static func use(_ address: UnsafeMutableRawPointer) {
        if !rx_use(Int32(scheduler.caller), number(of: address)) {
            scheduler.fail(
                "data race: an element or waker is used by two callers, and neither use happens before the other"
            )
        }
    }

    /// A location in the block, by its number.
    static func place(_ number: Int) -> UnsafeMutableRawPointer { buffer + number * 8 }

    static func initialize(_ address: UnsafeMutablePointer<UInt>, _ value: UInt) {
        rx_initialize(number(of: UnsafeMutableRawPointer(address)), UInt64(value))
    }

    /// Takes over the current value of each word, at the end of the set-up.
    static func settle() {
        for place in places {
            rx_initialize(Int32(numbers[place]) - 1, UInt64((buffer + place * 8).load(as: UInt.self)))
        }
    }

    static func word(_ address: UnsafeMutablePointer<UInt>) -> Int32 { number(of: UnsafeMutableRawPointer(address)) }

    private static func number(of address: UnsafeMutableRawPointer) -> Int32 {
        let place = (address - buffer) / 8
        if numbers[place] == 0 {
            let number = rx_new_word(0)
            precondition(number >= 0, "The scenario has too many words.")
            numbers[place] = UInt8(number + 1)
            places.append(place)
        }
        return Int32(numbers[place]) - 1
    }

    /// The description of a word, for a trace.
    static func name(of address: UnsafeMutablePointer<UInt>) -> String {
        let core = world.core, shape = core.shape
        let offset = UnsafeMutableRawPointer(address) - core.base
        if let chunk = allocations.firstIndex(where: { $0.range.contains(address) }), chunk > 0 {
            return
                "word \((UnsafeMutableRawPointer(address) - allocations[chunk].range.lowerBound) / 8) of allocation \(chunk)"
        }
        if offset >= shape.tallies { return "tally \((offset - shape.tallies) / 8)" }
        if shape.isChunked, offset >= shape.records {
            return "chunk \((offset - shape.records) / 8) of the directories"
        }
        if offset >= shape.cells { return "cell \((offset - shape.cells) / 8)" }
        if offset >= shape.records {
            let (record, field) = (offset - shape.records).quotientAndRemainder(dividingBy: Record.stride)
            return "record \(record)'s \(["next", "progress", "deadline"][field / 8])"
        }
        if offset >= shape.slots { return "slot \((offset - shape.slots) / shape.stride)" }
        if offset == 0 { return "queue" }
        let number = (offset - 3 * Core.line) / 8
        return number == 0 ? "free list" : number == 1 ? "holds" : "word \(number) beside the holds"
    }
}

/// Sizes that are smaller here than in the core.
enum Slots {
    static var inFirstSegment: Int { 1 }
    static var inGroup: Int { 1 }
}

@usableFromInline
enum ThreadHint {
    @usableFromInline
    static var slot: Int {
        get { scheduler.hint }
        set { scheduler.hint = newValue }
    }
}

/// Events that make steps visible by other means than words.
enum Signal: Int32 {
    /// A waiter is resumed.
    case wakeup
    /// A cancellation handler is installed, and has ended.
    case handler, handlerEnd
    /// A callback's ticket is known.
    case ticket
    /// A reference to the pool ends.
    case reference

    /// The steps and views of the running caller become visible to the receiver.
    func send(_ caller: Int = 0) { rx_send(Int32(scheduler.caller), rawValue * 8 + Int32(caller)) }
    func receive(_ caller: Int = 0) { rx_receive(Int32(scheduler.caller), rawValue * 8 + Int32(caller)) }
}

/// Compares names that the compiler generates.
private func == (name: StaticString, other: StaticString) -> Bool {
    name.utf8CodeUnitCount == other.utf8CodeUnitCount
        && memcmp(name.utf8Start, other.utf8Start, name.utf8CodeUnitCount) == 0
}
