// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Where the records and cells of a block are. A block in the memory of its owner has all of them from the start. A block on the
// heap allocates them in chunks: a waiter makes the chunk of its record and of its cell if no waiter was there before. So a
// pool in which no caller waits has no memory for waiters, and another has what its waiters have needed.
//
// A chunk is made before anything refers to its records or cells: before the number of used records grows, and before the tail
// of the queue moves to the ticket. A thread that reads those words with acquire finds the chunk, so its address is loaded relaxed.

extension Core {
    /// The record with this number, which is or was in use.
    func record(_ index: Int) -> Record {
        if !isChunked { return unsafe Record(address: base + shape.records + index * Record.stride) }
        let chunk = chunk(shape.records, index >> Int(shape.recordShift))
        return unsafe Record(address: recordAddress(index, in: chunk.loadSettled()))
    }

    /// The cell of a ticket that is or was in line.
    func cell(_ ticket: Ticket) -> Word {
        let index = cellIndex(ticket)
        if !isChunked { return unsafe Word(at: base + shape.cells + index * MemoryLayout<UInt>.stride) }
        let chunk = chunk(shape.cells, index >> Int(shape.cellShift))
        return unsafe Word(at: cellAddress(index, in: chunk.loadSettled()))
    }

    /// Makes sure that there is a record with this number.
    func makeRecord(_ index: Int) {
        if !isChunked { return }
        let chunk = chunk(shape.records, index >> Int(shape.recordShift))
        _ = unsafe makeChunk(chunk, count: 1 << Int(shape.recordShift), stride: Record.stride) { offset, address in
            unsafe Record(address: address).initialize(nextFree: nil)
        }
    }

    /// The cell of a ticket that is about to be in line; makes sure that there is one.
    func makeCell(_ ticket: Ticket) -> Word {
        if !isChunked { return cell(ticket) }
        let index = cellIndex(ticket)
        let number = index >> Int(shape.cellShift)
        let address = unsafe makeChunk(
            chunk(shape.cells, number),
            count: 1 << Int(shape.cellShift),
            stride: MemoryLayout<UInt>.stride
        ) { offset, address in
            // In the first lap: a later one finds every chunk.
            let first = Ticket(UInt(number << Int(shape.cellShift) + offset))
            unsafe Word(at: address).initialize(to: CellWord(first, .empty).bits)
        }
        return unsafe Word(at: cellAddress(index, in: address))
    }

    /// Initializes the records and cells of a block that has all of them, or else the directories of the chunks.
    func initializeRecordsAndCells() {
        guard !isChunked else {
            for offset in stride(from: shape.records, to: shape.segments, by: MemoryLayout<UInt>.stride) {
                unsafe Word(at: base + offset).initialize(to: 0)
            }
            freeRecords.initialize(to: FreeListWord(first: nil, count: 0).bits)
            usedRecords.initialize(to: 0)
            return
        }
        freeRecords.initialize(to: FreeListWord(first: shape.maximumWaiters > 0 ? 0 : nil, count: 0).bits)
        usedRecords.initialize(to: UInt(shape.maximumWaiters))
        for index in 0..<shape.maximumWaiters {
            record(index).initialize(nextFree: index + 1 < shape.maximumWaiters ? index + 1 : nil)
        }
        for number in 0..<shape.ring {
            let ticket = Ticket(UInt(number))
            cell(ticket).initialize(to: CellWord(ticket, .empty).bits)
        }
    }

    /// Frees every chunk, at the end of the block.
    func freeChunks() {
        guard isChunked, let heap = shape.heap else { return }
        for offset in stride(from: shape.records, to: shape.segments, by: MemoryLayout<UInt>.stride) {
            let chunk = unsafe UnsafeMutableRawPointer(bitPattern: Word(at: base + offset).loadSettled())
            if let chunk = unsafe chunk { unsafe heap.free(chunk) }
        }
    }

    /// The address of a chunk, by its number in a directory; 0 before it is made.
    private func chunk(_ directory: Int, _ number: Int) -> Word {
        unsafe Word(at: base + directory + number * MemoryLayout<UInt>.stride)
    }

    /// Makes a chunk unless another thread has made it.
    ///
    /// - Returns: The address of the chunk.
    private func makeChunk(
        _ chunk: Word,
        count: Int,
        stride: Int,
        _ initialize: (_ offset: Int, _ address: UnsafeMutableRawPointer) -> Void
    ) -> UInt {
        // Acquire: the records or cells are found initialized.
        let present = chunk.loadAcquire()
        if present != 0 { return present }
        let heap = shape.heap!
        let new = unsafe heap.allocate(count * stride, Core.line)
        for offset in 0..<count { unsafe initialize(offset, new + offset * stride) }
        let address = UInt(bitPattern: new)
        // Acquire, where it fails: the other thread's chunk is found initialized.
        if chunk.swapAcquireRelease(0, address) { return address }
        unsafe heap.free(new)
        return chunk.loadSettled()
    }

    private var isChunked: Bool { Core.grows && shape.isChunked }

    private func cellIndex(_ ticket: Ticket) -> Int { Int(ticket.number & UInt(shape.ring - 1)) }

    private func recordAddress(_ index: Int, in chunk: UInt) -> UnsafeMutableRawPointer {
        let offset = index & (1 << Int(shape.recordShift) - 1)
        return unsafe UnsafeMutableRawPointer(bitPattern: chunk)! + offset * Record.stride
    }

    private func cellAddress(_ index: Int, in chunk: UInt) -> UnsafeMutableRawPointer {
        let offset = index & (1 << Int(shape.cellShift) - 1)
        return unsafe UnsafeMutableRawPointer(bitPattern: chunk)! + offset * MemoryLayout<UInt>.stride
    }
}
