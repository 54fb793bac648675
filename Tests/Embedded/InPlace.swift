// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The example of Docs/Embedded.md, which Scripts/embedded compiles together with the core: for Linux, where it runs it, and for
// bare metal, where it links it with nothing.

struct Buffer: ~Copyable {
    var fill = 0
}

// Two buffers, and one may wait for them: all in this one static place.
let buffers = FixedLockPool<2, 1, Buffer>(repeating: Buffer())

nonisolated(unsafe) var turns = 0

/// The turn of whoever waits, on the stack of whoever brings it: of an interrupt, perhaps.
func take(context: UnsafeMutableRawPointer, turn: Int) {
    guard var buffer = try? buffers.lease(Turn(rawValue: turn)) else { return }
    turns += buffer.withElement { $0.fill }
}  // The buffer goes back here.

@main
struct Program {
    static func main() {
        var first = buffers.tryGet()!
        let second = buffers.tryGet()!
        if case .some = buffers.tryGet() { fatalError("a third buffer of two") }
        first.withElement { $0.fill = 10 }

        // Another one waits, and a further one is past the bound.
        let context = UnsafeMutableRawPointer(bitPattern: 1)!
        do throws(LockPoolError) {
            _ = try buffers.wait(context: context, onTurn: take)
            _ = try buffers.wait(context: context, onTurn: take)
            fatalError("past the bound")
        } catch {
            if error.code != .tooManyWaiters { fatalError("refused for another reason") }
        }
        first.release()
        if turns != 10 { fatalError("the one that waited has not had the first buffer") }
        second.release()
        if buffers.occupancy.idle != 2 { fatalError("a buffer has not come back") }
    }
}
