// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Makes a connection, on a thread of its own.
///
/// Much of this blocks or takes long: name services, files with passwords and certificates, and
/// milliseconds of computation for passwords and TLS. The thread waits for the sockets itself,
/// because libpq applies its timeout only in its blocking calls. A host that hangs blocks only its
/// own thread, and only for its share of the time.
struct Connector: Sendable {
    /// One address of one host, as passed to libpq.
    struct Target: Sendable, Hashable {
        var host: String?
        var address: String?
        var port: String
    }

    /// An open connection that has no owner yet.
    @safe
    struct Connection: @unchecked Sendable {
        let handle: OpaquePointer
    }

    let server: ConnectParameters
    /// The time limit for each address, if its share of the remaining time is longer.
    let addressTimeout: Duration?
    /// The deadline of the whole attempt.
    let deadline: UInt64
    /// Ends the attempt early.
    var interruption: Interruption?

    /// Connects to the first host that accepts the session and has the required attributes.
    ///
    /// Blocks. Tries the hosts in order, and the addresses of each in the resolver's order. A host
    /// that rejects the password ends the attempt, because the others would too.
    ///
    /// - Throws: `PostgresError` with the code `connectFailed`: the error of the last host, or of
    ///   each if there are several.
    func connectBlocking() throws(PostgresError) -> Connection {
        var parameters = server
        try parameters.addDefaults()
        // libpq can look for a standby first, then for any server, in a group of hosts, but not
        // with one host at a time.
        let attributes = parameters["target_session_attrs"]
        let passes = attributes == "prefer-standby" ? ["standby", "any"] : [attributes]
        var failures: [PostgresError] = []
        let hosts = try hosts(of: parameters)
        var time = TimeShares(end: deadline, count: passes.count * hosts.count)
        for pass in passes {
            parameters["target_session_attrs"] = pass
            failures = []
            for host in hosts {
                do throws(PostgresError) {
                    return try connect(toAnyAddressOf: host, parameters, by: time.next())
                } catch {
                    if error.sqlState?.conditionClass == "28" { throw error }
                    failures.append(error)
                }
            }
        }
        if failures.count == 1 { throw failures[0] }
        throw PostgresError(
            .connectFailed,
            failures.map(\.message).joined(separator: "; "),
            server: failures.last { $0.server != nil }?.server,
            connectionIsGone: true,
            isUnreached: failures.contains(where: \.isUnreached)
        )
    }

    // MARK: One host

    private func connect(
        toAnyAddressOf host: Target,
        _ parameters: ConnectParameters,
        by deadline: UInt64
    ) throws(PostgresError) -> Connection {
        // Half of the time for name resolution leaves as much for one address.
        var lookUp = TimeShares(end: deadline, count: 2)
        if interruption?.isInterrupted == true { throw ConnectAttempts.closed }
        var targets = try addresses(of: host, by: attempt(by: lookUp.next()))
        var time = TimeShares(end: deadline, count: targets.count)
        let last = targets.removeLast()
        for target in targets {
            do throws(PostgresError) {
                return try connect(to: target, parameters, by: attempt(by: time.next()))
            } catch {
                // A server that has answered gives the same answer at its other addresses.
                if error.server != nil { throw error }
            }
        }
        return try connect(to: last, parameters, by: attempt(by: time.next()))
    }

    /// Returns the deadline of an attempt that begins now.
    private func attempt(by deadline: UInt64) -> UInt64 {
        guard let addressTimeout else { return deadline }
        return min(deadline, MonotonicClock.deadline(after: addressTimeout))
    }

    private func connect(
        to target: Target,
        _ parameters: ConnectParameters,
        by deadline: UInt64
    ) throws(PostgresError) -> Connection {
        var parameters = parameters
        parameters["host"] = target.host
        parameters["hostaddr"] = target.address
        parameters["port"] = target.port
        parameters["sslmode"] = Connector.encryption(for: target, parameters)
        let gate = try AuthenticationGate(&parameters)
        if ["verify-full", "verify-ca"].contains(parameters["sslmode"]), parameters["sslrootcert"] == nil {
            parameters["sslrootcert"] = Connector.systemAuthorities()
        }
        if interruption?.isInterrupted == true { throw ConnectAttempts.closed }
        let handle = unsafe start(parameters)
        guard let handle = unsafe handle else {
            throw PostgresError(.connectFailed, "there is no memory for a connection")
        }
        do {
            try unsafe establish(handle, target, gate, by: deadline)
            return unsafe Connection(handle: handle)
        } catch {
            unsafe PQfinish(handle)
            throw error
        }
    }

    private func start(_ parameters: ConnectParameters) -> OpaquePointer? {
        var keywords: [UnsafePointer<CChar>?] = unsafe []
        var values: [UnsafePointer<CChar>?] = unsafe []
        for (keyword, value) in parameters.values {
            unsafe keywords.append(UnsafePointer(strdup(keyword)))
            unsafe values.append(UnsafePointer(strdup(value)))
        }
        unsafe keywords.append(nil)
        unsafe values.append(nil)
        defer {
            for index in unsafe keywords.indices {
                unsafe free(UnsafeMutablePointer(mutating: keywords[index]))
                unsafe free(UnsafeMutablePointer(mutating: values[index]))
            }
        }
        return unsafe PQconnectStartParams(keywords, values, 0)
    }

    private func establish(
        _ handle: OpaquePointer,
        _ target: Target,
        _ gate: AuthenticationGate,
        by deadline: UInt64
    ) throws(PostgresError) {
        let began = MonotonicClock.now
        var gate = gate
        // Only the verbose text of an error contains its code.
        unsafe PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        // libpq's notices while it connects, for example about the permissions of a password file,
        // must not go to standard error.
        unsafe PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard unsafe PQstatus(handle) != CONNECTION_BAD else {
            // A local socket rejects at once. Otherwise a keyword has an invalid value.
            throw unsafe failure(of: handle, target, isTransient: target.host.map(Connector.isSocket) ?? true)
        }
        var state = PGRES_POLLING_WRITING
        var byteCount = 0
        while state != PGRES_POLLING_OK {
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            // Read again each time: libpq may have switched to another socket.
            guard unsafe isReady(PQsocket(handle), Int16(events), by: deadline) else {
                throw PostgresError(
                    .connectFailed,
                    "\(Connector.name(of: target)) did not accept the session within \(MonotonicClock.duration(since: began))",
                    connectionIsGone: true,
                    isUnreached: true
                )
            }
            if interruption?.isInterrupted == true { throw ConnectAttempts.closed }
            byteCount += min(Int(clockpool_unread(unsafe PQsocket(handle))), Connector.largestStep)
            if byteCount > Connector.connectBudget {
                throw PostgresError(
                    .connectFailed,
                    "\(Connector.name(of: target)) has sent more than a server sends to begin a session",
                    connectionIsGone: true
                )
            }
            if unsafe PQstatus(handle) == CONNECTION_AWAITING_RESPONSE {
                guard try unsafe admits(&gate, handle, target) else { continue }
            } else {
                gate = gate.renewed
            }
            state = unsafe PQconnectPoll(handle)
            if state == PGRES_POLLING_FAILED { throw unsafe failure(of: handle, target, isTransient: true) }
        }
        guard unsafe PQsetnonblocking(handle, 1) == 0 else {
            throw unsafe failure(of: handle, target, isTransient: true)
        }
        unsafe PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
    }

    /// The number of bytes that a server may send before the session begins. Certificates and
    /// settings have some ten thousand.
    private static var connectBudget: Int { 1 << 20 }

    /// One step of libpq processes at most this much of the input.
    private static var largestStep: Int { 1 << 16 }

    /// Blocks until a socket is ready, the time has passed, or the attempt is interrupted.
    ///
    /// - Returns: Whether to continue, also after an interruption.
    private func isReady(_ descriptor: Int32, _ events: Int16, by deadline: UInt64) -> Bool {
        while true {
            let now = MonotonicClock.now
            if now >= deadline { return false }
            var polled = [pollfd(fd: descriptor, events: events, revents: 0)]
            if let interruption {
                polled.append(pollfd(fd: interruption.readable, events: Int16(POLLIN), revents: 0))
            }
            let time = Int32(clamping: (deadline - now) / 1_000_000 + 1)
            let ready = unsafe poll(&polled, nfds_t(polled.count), time)
            if ready > 0 || ready < 0 && errno != EINTR { return true }
        }
    }
}
