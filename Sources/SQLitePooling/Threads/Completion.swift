// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

/// Who waits for a call, and how it is woken.
@safe
enum Completion: @unchecked Sendable {
    case task(Resumption)
    case thread(UnsafeMutablePointer<lockpool_parker>)

    func resume() {
        switch self {
        case .task(let resumption): resumption.resume()
        case .thread(let parker): unsafe lockpool_parker_wake(parker, 0)
        }
    }

    /// Blocks the thread until the completion that `body` is given is resumed.
    static func block(_ body: (Completion) -> Void) {
        unsafe withUnsafeTemporaryAllocation(of: lockpool_parker.self, capacity: 1) { buffer in
            let parker = buffer.baseAddress!
            unsafe lockpool_parker_init(parker)
            unsafe body(.thread(parker))
            var wakeup = 0
            _ = unsafe lockpool_parker_wait(parker, .max, &wakeup)
            unsafe lockpool_parker_destroy(parker)
        }
    }
}
