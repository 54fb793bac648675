// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value on the heap, for large errors: each function that can fail reserves stack space for
/// its error, and a waiting task several times.
package final class Boxed<Value: Sendable>: Sendable {
    package let value: Value

    package init(_ value: Value) { self.value = value }
}

/// Carries a noncopyable value into an escaping closure, which cannot consume its captures.
package final class Handoff<Value: ~Copyable & Sendable>: Sendable {
    private let value: Locked<Value?>

    package init(_ value: consuming Value) { self.value = Locked(value) }

    /// Returns the value. Traps on the second call.
    package func take() -> Value {
        value.withLock { $0.take() }!
    }
}
