// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The memory of the records and cells of a block. A block in memory of its owner has all of them
// from the start. A block on the heap allocates them in chunks: a waiter allocates the chunk of
// its record and of its cell if it is the first to need it. A pool in which no caller waits
// therefore has no memory for waiters, and any other pool has what its waiters have needed.
//
// A chunk exists before anything refers to its records or cells: before the number of used
// records grows, and before the tail of the queue moves to the ticket. A thread that reads those
// words with acquire finds the chunk, so the chunk's address is loaded relaxed.

extension Core {
    /// Returns the record with this index, which is or was in use.
    func record(_ index: Int) -> Record {
        if !isChunked { return unsafe Record(address: base + shape.records + index * Record.stride) }
        let chunk = chunk(shape.records, index >> Int(shape.recordShift))
        return unsafe Record(address: recordAddress(index, in: chunk.loadSettled()))
    }

    /// Returns the cell of a ticket that is or was in line.
    func cell(_ ticket: Ticket) -> Word {
        let index = cellIndex(ticket)
        if !isChunked { return unsafe Word(at: base + shape.cells + index * MemoryLayout<UInt>.stride) }
        let chunk = chunk(shape.cells, index >> Int(shape.cellShift))
        return unsafe Word(at: cellAddress(index, in: chunk.loadSettled()))
    }

    /// Ensures that the record with this index exists.
    func makeRecord(_ index: Int) {
        if !isChunked { return }
        let chunk = chunk(shape.records, index >> Int(shape.recordShift))
        _ = unsafe makeChunk(chunk, count: 1 << Int(shape.recordShift), stride: Record.stride) { offset, address in
            unsafe Record(address: address).initialize(nextFree: nil)
        }
    }

    /// Returns the cell of a ticket that is about to be in line. Allocates its chunk if
    /// necessary.
    func makeCell(_ ticket: Ticket) -> Word {
        if !isChunked { return cell(ticket) }
        let index = cellIndex(ticket)
        let number = index >> Int(shape.cellShift)
        let address = unsafe makeChunk(
            chunk(shape.cells, number),
            count: 1 << Int(shape.cellShift),
            stride: MemoryLayout<UInt>.stride
        ) { offset, address in
            // Only the first lap gets here: every later lap finds the chunk.
            let first = Ticket(UInt(number << Int(shape.cellShift) + offset))
            unsafe Word(at: address).initialize(to: CellWord(first, .empty).bits)
        }
        return unsafe Word(at: cellAddress(index, in: address))
    }

    /// Initializes the records and cells of a block that contains all of them, or else the
    /// directories of chunks.
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

    /// Frees every chunk when the block ends.
    func freeChunks() {
        guard isChunked, let heap = shape.heap else { return }
        for offset in stride(from: shape.records, to: shape.segments, by: MemoryLayout<UInt>.stride) {
            let chunk = unsafe UnsafeMutableRawPointer(bitPattern: Word(at: base + offset).loadSettled())
            if let chunk = unsafe chunk { unsafe heap.free(chunk) }
        }
    }

    /// Returns the word with the address of a chunk; the address is 0 before the chunk is
    /// allocated.
    private func chunk(_ directory: Int, _ number: Int) -> Word {
        unsafe Word(at: base + directory + number * MemoryLayout<UInt>.stride)
    }

    /// Allocates a chunk unless another thread has done so.
    ///
    /// - Returns: The address of the chunk.
    private func makeChunk(
        _ chunk: Word,
        count: Int,
        stride: Int,
        _ initialize: (_ offset: Int, _ address: UnsafeMutableRawPointer) -> Void
    ) -> UInt {
        // Acquire: this thread must find the records or cells initialized.
        let present = chunk.loadAcquire()
        if present != 0 { return present }
        let heap = shape.heap!
        let new = unsafe heap.allocate(count * stride, Core.line)
        for offset in 0..<count { unsafe initialize(offset, new + offset * stride) }
        let address = UInt(bitPattern: new)
        // Acquire on failure: the chunk of the other thread must be found initialized.
        if chunk.compareExchangeAcquireRelease(0, address) { return address }
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
