// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension FaultProxy {
    /// What each transfer of the proxy's connections passes, and what stops all of them.
    final class Link: @unchecked Sendable {
        private let condition = NSCondition()
        // Both are used only while the condition is locked.
        private var isCut = false
        private var transferCount = 0

        /// Runs a transfer that does not block, once the link is not cut.
        func transfer<Value>(_ body: () throws -> Value) rethrows -> Value {
            condition.lock()
            while isCut { condition.wait() }
            transferCount += 1
            condition.unlock()
            defer {
                condition.lock()
                transferCount -= 1
                condition.broadcast()
                condition.unlock()
            }
            return try body()
        }

        /// Returns when no transfer runs, and lets none begin.
        func cut() {
            condition.lock()
            isCut = true
            while transferCount > 0 { condition.wait() }
            condition.unlock()
        }

        func restore() {
            condition.lock()
            isCut = false
            condition.broadcast()
            condition.unlock()
        }
    }

    /// Makes the network between the clients and the server a black hole: from the return on, no
    /// byte, no new connection and no end of a connection reaches the other side, until
    /// ``restore()``. Neither side is notified. The system still accepts connections of clients,
    /// which receive no answer.
    func cut() { link.cut() }

    /// Ends a cut. What was sent during it arrives.
    func restore() { link.restore() }
}
