// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Wakes a task, once.
///
/// Checked in debug builds. There it also keeps the thread sanitizer from an error of its own: it does not see how a task
/// that is resumed before it has suspended is ordered with the thread that resumed it.
@safe
struct Resumption: Sendable {
    #if DEBUG
        private let continuation: CheckedContinuation<Void, Never>

        func resume() { continuation.resume() }

        /// Suspends until the resumption that `body` is given is resumed.
        static func wait(_ body: (Resumption) -> Void) async {
            await withCheckedContinuation { body(Resumption(continuation: $0)) }
        }
    #else
        private let continuation: UnsafeContinuation<Void, Never>

        func resume() { unsafe continuation.resume() }

        /// Suspends until the resumption that `body` is given is resumed.
        static func wait(_ body: (Resumption) -> Void) async {
            await unsafe withUnsafeContinuation { unsafe body(Resumption(continuation: $0)) }
        }
    #endif
}
