// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A program without a runtime but with a heap, which Scripts/embedded compiles together with the core, links and runs. It
// pools, waits by a callback, is refused at the bound, and returns.

struct Buffer: ~Copyable {
    var number: Int
}

nonisolated(unsafe) var turns = 0

func expect(_ condition: Bool, _ message: StaticString) {
    if !condition { fatalError(message.description) }
}

@main
struct Program {
    static func main() throws(LockPoolError) {
        let pool = LockPool(count: 2, maximumWaiters: 1) { index in Buffer(number: index) }
        var first = pool.tryGet()!
        first.withElement { $0.number += 10 }
        let second = pool.tryGet()!
        if case .some = pool.tryGet() { fatalError("a third element of two") }

        let context = UnsafeMutableRawPointer(Unmanaged.passUnretained(pool).toOpaque())
        _ = try pool.wait(context: context) { context, turn in
            let pool = Unmanaged<LockPool<Buffer>>.fromOpaque(context).takeUnretainedValue()
            guard var lease = try? pool.lease(Turn(rawValue: turn)) else { fatalError("no element came") }
            turns += lease.withElement { $0.number }
        }
        expect(turns == 0, "the callback came before its turn")
        do throws(LockPoolError) {
            _ = try pool.wait(context: context) { _, _ in }
            fatalError("past the bound")
        } catch {
            expect(error.code == .tooManyWaiters, "refused for another reason")
        }
        first.release()
        expect(turns == 10, "the callback was not served with the first element")
        second.release()
        expect(pool.occupancy.idle == 2, "an element has not come back")
    }
}
