// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    public import Glibc
#elseif canImport(Musl)
    public import Musl
#else
    public import Darwin
#endif

/// A value behind a system lock, for infrequent operations.
///
/// Inlined into the database pools, which lock several times for each statement: a generic call
/// across modules would create its types at run time, at each call. Not for a value without a
/// size, which the thread sanitizer takes for the beginning of the object.
///
/// Not `Synchronization.Mutex`: in Swift 6.3 its contended hand-over on Linux happens inside the
/// kernel. The thread sanitizer does not see it and reports false races, and waiting threads are
/// woken one by one.
@safe
@usableFromInline
package final class Locked<Value: ~Copyable>: @unchecked Sendable {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// Without the runtime's exclusivity check: the lock makes it redundant, and it costs as much
    /// as the lock.
    @safe @exclusivity(unchecked) @usableFromInline var value: Value

    package init(_ value: consuming sending Value) {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        self.value = value
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Calls `body` with exclusive access to the value. `body` must be short, and must neither
    /// resume a task nor call other components.
    @inlinable
    @inline(__always)
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
