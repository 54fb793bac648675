// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The tasks that wait in line for a connection of a pool.
///
/// A task enters and leaves by one atomic operation each, unless many wait.
final class WaitingTasks: Sendable {
    /// The location of a task's registration.
    enum Entry { case word(Int), set }

    private let words = Words()
    /// The tasks whose words are occupied by other tasks.
    private let others = Locked<Set<UInt>>([])
    private let otherCount = Atomic(0)
    /// Whether a deadlock is being decided.
    let isFrozen = Atomic(false)

    /// Whether the table has been allocated, by the first waiting task.
    var isAllocated: Bool { words.isAllocated }

    /// Registers a waiting task, which is neither 0 nor registered already.
    func insert(_ task: UInt) -> Entry {
        for index in Words.window(task) where words[index].compareExchange(task, insteadOf: 0) { return .word(index) }
        others.withLock {
            $0.insert(task)
            otherCount.store($0.count, ordering: .sequentiallyConsistent)
        }
        return .set
    }

    /// Ends the registration of a task.
    func remove(_ task: UInt, _ entry: Entry) {
        switch entry {
        case .word(let index): words[index].clear()
        case .set:
            others.withLock {
                $0.remove(task)
                otherCount.store($0.count, ordering: .sequentiallyConsistent)
            }
        }
    }

    /// Whether a task is registered.
    func contains(_ task: UInt) -> Bool {
        if Words.window(task).contains(where: { words[$0].value == task }) { return true }
        return otherCount.load(ordering: .sequentiallyConsistent) > 0 && others.withLock { $0.contains(task) }
    }
}

/// A table of atomic words. Each task may use one of eight words. Allocated at its first use.
@safe
private struct Words: ~Copyable, @unchecked Sendable {
    private static var count: Int { 256 }

    private let memory = LazyMemory<Atomic<UInt>>()

    deinit { memory.free(count: Self.count) }

    var isAllocated: Bool { unsafe memory.pointer != nil }

    /// The words of one cache line, selected by the task's address.
    static func window(_ task: UInt) -> Range<Int> {
        let line = Int(truncatingIfNeeded: (task &* 0x9E37_79B9_7F4A_7C15) >> UInt(UInt.bitWidth - 5))
        return 8 * line..<8 * line + 8
    }

    subscript(index: Int) -> Word { unsafe Word(at: memory.pointer(count: Self.count) { Atomic(0) } + index) }

    @safe
    struct Word {
        private let address: UnsafeMutablePointer<Atomic<UInt>>

        init(at address: UnsafeMutablePointer<Atomic<UInt>>) { unsafe self.address = unsafe address }

        var value: UInt { unsafe address.pointee.load(ordering: .sequentiallyConsistent) }

        func compareExchange(_ new: UInt, insteadOf old: UInt) -> Bool {
            if value != old { return false }
            return unsafe address.pointee.compareExchange(
                expected: old,
                desired: new,
                ordering: .sequentiallyConsistent
            ).exchanged
        }

        func clear() { unsafe address.pointee.store(0, ordering: .sequentiallyConsistent) }
    }
}
