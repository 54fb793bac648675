// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Nanoseconds of the monotonic clock.
@inline(__always)
func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// The processor time of this process in nanoseconds.
func cpuNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// Returns the nanoseconds of `body` for each of its `count` turns.
func nanoseconds(per count: Int, _ body: () throws -> Void) rethrows -> Double {
    let start = nanoseconds()
    try body()
    return Double(nanoseconds() - start) / Double(count)
}

/// The same for an asynchronous closure.
func nanoseconds(per count: Int, _ body: () async throws -> Void) async rethrows -> Double {
    let start = nanoseconds()
    try await body()
    return Double(nanoseconds() - start) / Double(count)
}

/// Runs `body` on `count` threads that start together.
///
/// - Returns: The wall nanoseconds from the start to the end of the last thread, and the threads'
///   processor time divided by that.
func onThreads(_ count: Int, _ body: @escaping @Sendable (_ thread: Int) -> Void) -> (wall: Double, parallelism: Double)
{
    final class Start: @unchecked Sendable {
        var mutex = pthread_mutex_t()
        var condition = pthread_cond_t()
        var ready = 0
        var isOpen = false
    }
    final class Work: Sendable {
        let start: Start
        let thread: Int
        let body: @Sendable (Int) -> Void
        init(start: Start, thread: Int, body: @escaping @Sendable (Int) -> Void) {
            self.start = start
            self.thread = thread
            self.body = body
        }
    }
    let start = Start()
    pthread_mutex_init(&start.mutex, nil)
    pthread_cond_init(&start.condition, nil)
    var threads: [pthread_t] = []
    for thread in 0..<count {
        #if canImport(Glibc)
            var handle = pthread_t()
        #else
            var handle: pthread_t?
        #endif
        let work = Unmanaged.passRetained(Work(start: start, thread: thread, body: body)).toOpaque()
        pthread_create(
            &handle,
            nil,
            { context in
                #if canImport(Glibc)
                    let work = Unmanaged<Work>.fromOpaque(context!).takeRetainedValue()
                #else
                    let work = Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                #endif
                pthread_mutex_lock(&work.start.mutex)
                work.start.ready += 1
                pthread_cond_broadcast(&work.start.condition)
                while !work.start.isOpen { pthread_cond_wait(&work.start.condition, &work.start.mutex) }
                pthread_mutex_unlock(&work.start.mutex)
                work.body(work.thread)
                return nil
            },
            work
        )
        #if canImport(Glibc)
            threads.append(handle)
        #else
            threads.append(handle!)
        #endif
    }
    pthread_mutex_lock(&start.mutex)
    while start.ready < count { pthread_cond_wait(&start.condition, &start.mutex) }
    let (wall, cpu) = (nanoseconds(), cpuNanoseconds())
    start.isOpen = true
    pthread_cond_broadcast(&start.condition)
    pthread_mutex_unlock(&start.mutex)
    for thread in threads { pthread_join(thread, nil) }
    let elapsed = Double(nanoseconds() - wall)
    return (elapsed, Double(cpuNanoseconds() - cpu) / elapsed)
}
