// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import LockPool

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Resolves host names.
enum Resolver {
    /// Returns the addresses of a host, in the resolver's order. Blocks, at most until the
    /// deadline or an interruption.
    ///
    /// - Throws: `PostgresError` with the code `connectFailed`.
    static func addresses(
        of host: String,
        by deadline: UInt64,
        _ interruption: Interruption? = nil
    ) throws(PostgresError) -> [String] {
        // The resolver's own timeouts may be long, and it cannot be interrupted, so it runs on a
        // thread.
        let answer = Answer()
        let isStarted = DetachedThread.start(name: "postgres-dns") { answer.put(lookUp(host)) }
        interruption?.set { answer.put(.failure(Reason(text: "the pool was closed"))) }
        defer { interruption?.set(nil) }
        // A name that is unknown now may become known when its service starts.
        func failure(_ message: String) -> PostgresError { PostgresError(.connectFailed, message, isUnreached: true) }
        guard isStarted else { throw failure("no thread could be started to resolve “\(host)”") }
        let time = MonotonicClock.duration(until: deadline)
        switch answer.take(within: time.wholeNanoseconds) {
        case .none: throw failure("the address of “\(host)” was not found within \(time)")
        case .some(.failure(let reason)): throw failure("the address of “\(host)” cannot be found: \(reason.text)")
        case .some(.success(let addresses)): return addresses
        }
    }

    private struct Reason: Error { let text: String }

    private static func lookUp(_ host: String) -> Result<[String], Reason> {
        var hints = unsafe addrinfo()
        #if canImport(Glibc)
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            unsafe hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failure(Reason(text: unsafe String(cString: gai_strerror(code)))) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe text(of: entry) { addresses.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(Reason(text: "it has none")) : .success(addresses)
    }

    private static func text(of entry: UnsafeMutablePointer<addrinfo>) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
            let (address, length) = unsafe (entry.pointee.ai_addr, entry.pointee.ai_addrlen)
            let code = unsafe getnameinfo(
                address,
                length,
                text.baseAddress,
                socklen_t(text.count),
                nil,
                0,
                NI_NUMERICHOST
            )
            return code == 0 ? unsafe String(cString: text.baseAddress!) : nil
        }
    }

    /// A result that one thread waits for, with a time limit.
    @safe
    private final class Answer: @unchecked Sendable {
        private let parker = UnsafeMutablePointer<lockpool_parker>.allocate(capacity: 1)
        private let value = Locked<Result<[String], Reason>?>(nil)

        init() { unsafe lockpool_parker_init(parker) }

        deinit {
            unsafe lockpool_parker_destroy(parker)
            unsafe parker.deallocate()
        }

        func put(_ result: Result<[String], Reason>) {
            // The first result counts: the parker is woken once.
            let isFirst = value.withLock { value in
                defer { value = value ?? result }
                return value == nil
            }
            guard isFirst else { return }
            unsafe lockpool_parker_wake(parker, 0)
        }

        func take(within nanoseconds: UInt64) -> Result<[String], Reason>? {
            var wakeup = 0
            _ = unsafe lockpool_parker_wait(parker, nanoseconds, &wakeup)
            return value.withLock { $0 }
        }
    }
}
