// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

/// The waiter of a call, and how to resume it.
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

    /// Blocks the thread until `body`'s completion is resumed.
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

/// Resumes a task once.
///
/// Debug builds use a checked continuation. It also avoids a false report of the thread sanitizer,
/// which does not see the ordering between a task that is resumed before it suspends and the
/// thread that resumes it.
@safe
struct Resumption: Sendable {
    #if DEBUG
        private let continuation: CheckedContinuation<Void, Never>

        func resume() { continuation.resume() }

        /// Suspends until `body`'s resumption is resumed.
        static func wait(_ body: (Resumption) -> Void) async {
            await withCheckedContinuation { body(Resumption(continuation: $0)) }
        }
    #else
        private let continuation: UnsafeContinuation<Void, Never>

        func resume() { unsafe continuation.resume() }

        /// Suspends until `body`'s resumption is resumed.
        static func wait(_ body: (Resumption) -> Void) async {
            await unsafe withUnsafeContinuation { unsafe body(Resumption(continuation: $0)) }
        }
    #endif
}
