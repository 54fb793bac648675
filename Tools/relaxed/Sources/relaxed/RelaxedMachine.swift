// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// The machine under the core, as this checker has it: the interface of the core's own `Machine.swift`, with the orderings of
// C++20. Each operation knows where in the core it stands, so that it can be weakened alone.

/// The orderings of an operation: of a load, a store or a successful exchange, and of an exchange that fails.
struct Orderings: Equatable {
    var success: rx_order
    var failure = rx_relaxed

    /// The orderings of the methods of `Word`. `MachineOrderings.swift` compares them with the core's `Machine.swift`.
    static let ofMethods: [String: Orderings] = [
        "loadRelaxed": Orderings(success: rx_relaxed),
        "loadAcquire": Orderings(success: rx_acquire),
        "load": Orderings(success: rx_sequential),
        "storeRelaxed": Orderings(success: rx_relaxed),
        "swapAcquire": Orderings(success: rx_acquire),
        "swapRelease": Orderings(success: rx_release),
        "swapAcquireRelease": Orderings(success: rx_acquire_release, failure: rx_acquire),
        "swap": Orderings(success: rx_sequential, failure: rx_sequential),
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
        Memory.initialize(address, value)
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
    func swapAcquire(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        exchange(old, new, operations.find("swapAcquire", file, line))
    }

    @usableFromInline
    func swapRelease(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        let isSwapped = exchange(old, new, operations.find("swapRelease", file, line))
        // A release gives something up, and anything may happen to it before the next step of this caller.
        if isSwapped { scheduler.pause() }
        return isSwapped
    }

    @usableFromInline
    func swapAcquireRelease(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        exchange(old, new, operations.find("swapAcquireRelease", file, line))
    }

    @usableFromInline
    func swap(
        _ old: UInt,
        _ new: UInt,
        _ file: StaticString = #fileID,
        _ line: UInt = #line
    ) -> Bool {
        exchange(old, new, operations.find("swap", file, line))
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

// MARK: - What an operation does to the memory

nonisolated(unsafe) private let distances = UnsafeMutablePointer<Int32>.allocate(capacity: rx_values)

extension Word {
    func read(_ operation: Int) -> UInt {
        scheduler.step(at: address)
        let caller = Int32(scheduler.caller)
        if caller < 0 { return address.pointee }
        let order = operations.orderings[operation].success
        let word = Memory.word(address)
        let count = rx_candidates(caller, word, order, nil, distances)
        let distance = distances[scheduler.choices.chooseValue(from: Int(count))]
        let value = UInt(rx_load(caller, word, order, distance))
        operations.note(operation, self, distance == 0 ? "reads \(value)" : "reads \(value), which is stale")
        // A caller that sees an old queue has come earlier, so far as the order in line is concerned.
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

    /// Compares and exchanges. A failure may come from an old value, but not from one that equals the expected one.
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

/// One block at a time, in a buffer that outlives it, so that a touch after the free is seen and does no harm.
@usableFromInline
enum Memory {
    private static let capacity = 1 << 13
    nonisolated(unsafe) private static let buffer = UnsafeMutableRawPointer.allocate(
        byteCount: capacity,
        alignment: 128
    )
    /// The number of the word, or of the data that is not atomic, at each place; 0 for none, else one more.
    nonisolated(unsafe) private static let numbers: UnsafeMutablePointer<UInt8> = {
        let numbers = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity / 8)
        numbers.initialize(repeating: 0, count: capacity / 8)
        return numbers
    }()
    /// The places that have a number.
    nonisolated(unsafe) private static var places: [Int] = []
    nonisolated(unsafe) private static var size = 0
    nonisolated(unsafe) static var isAlive = false
    nonisolated(unsafe) private static var isLent = false

    @usableFromInline
    typealias Free = @convention(c) (UnsafeMutableRawPointer) -> Void

    static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount <= capacity && alignment <= 128)
        size = byteCount
        isAlive = true
        isLent = false
        rx_reset()
        for place in places { numbers[place] = 0 }
        places.removeAll(keepingCapacity: true)
        return buffer
    }

    /// Memory for a block that must not be freed by the core, and not touched after `takeBack()`.
    static func lend(byteCount: Int) -> UnsafeMutableRawPointer {
        defer { isLent = true }
        return allocate(byteCount: byteCount, alignment: 128)
    }

    static func takeBack() { end() }

    static func free(_ block: UnsafeMutableRawPointer) {
        if isLent { scheduler.fail("memory that is not the block's own is freed") }
        if !isAlive { scheduler.fail("the block is freed twice") }
        end()
    }

    private static func end() {
        if !rx_may_end(Int32(scheduler.caller)) {
            scheduler.fail("data race: the block ends, and an access by another caller does not happen before")
        }
        isAlive = false
        world.checkFreed()
    }

    @usableFromInline
    static func willTouch(_ address: UnsafeMutableRawPointer, _ function: StaticString = #function) {
        if !isAlive { scheduler.fail("memory of the block is touched after it was freed") }
        if address < buffer || address >= buffer + size { scheduler.fail("memory outside of the block is touched") }
        // What is not atomic and does not change is not counted, because the promises read it, too.
        let (isStep, isElement, isWaker) = (function == "step(at:)", function == "element(_:)", function == "waker")
        guard isStep || isElement || isWaker else { return }
        let caller = Int32(scheduler.caller)
        rx_touch(caller)
        if isStep { return }
        use(address + (isElement ? 16 : 24))
    }

    /// An access to data that is not atomic and has one user at a time: an element, or a waker.
    static func use(_ address: UnsafeMutableRawPointer) {
        if !rx_use(Int32(scheduler.caller), number(of: address)) {
            scheduler.fail(
                "data race: an element or waker is used by two callers, and neither use happens before the other"
            )
        }
    }

    /// A place in the block, by its number.
    static func place(_ number: Int) -> UnsafeMutableRawPointer { buffer + number * 8 }

    static func initialize(_ address: UnsafeMutablePointer<UInt>, _ value: UInt) {
        rx_initialize(number(of: UnsafeMutableRawPointer(address)), UInt64(value))
    }

    /// Takes each word as it is now, however it came to be so: for the end of the set-up.
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

    /// What a word is, for a trace.
    static func name(of address: UnsafeMutablePointer<UInt>) -> String {
        let core = world.core, shape = core.shape
        let offset = UnsafeMutableRawPointer(address) - core.base
        if offset >= shape.cells {
            let number = (offset - shape.cells) / 8
            return number < shape.ring ? "cell \(number)" : "word \(number - shape.ring) behind the cells"
        }
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

@usableFromInline
enum ThreadHint {
    @usableFromInline
    static var slot: Int {
        get { scheduler.hint }
        set { scheduler.hint = newValue }
    }
}

/// What the world makes visible by other means than words.
enum Signal: Int32 {
    /// A waiter is resumed.
    case wakeup
    /// A cancellation handler is installed, and has ended.
    case handler, handlerEnd
    /// A callback's ticket is known.
    case ticket
    /// A reference to the pool is let go of.
    case reference

    /// What the running caller has done and seen is visible to who receives this.
    func send(_ caller: Int = 0) { rx_send(Int32(scheduler.caller), rawValue * 8 + Int32(caller)) }
    func receive(_ caller: Int = 0) { rx_receive(Int32(scheduler.caller), rawValue * 8 + Int32(caller)) }
}

/// Compares names that the compiler makes.
private func == (name: StaticString, other: StaticString) -> Bool {
    name.utf8CodeUnitCount == other.utf8CodeUnitCount
        && memcmp(name.utf8Start, other.utf8Start, name.utf8CodeUnitCount) == 0
}
