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
/// Much of that blocks or takes long: name services, files of passwords and certificates, and milliseconds of arithmetic for
/// passwords and TLS. The thread waits for the sockets itself, because libpq's own timeout is one of its blocking calls only. One host
/// that hangs wedges nothing but its own thread, and that for no longer than its share of the time.
struct Connector: Sendable {
    /// One address of one host, as libpq is given it.
    struct Target: Sendable, Hashable {
        var host: String?
        var address: String?
        var port: String
    }

    /// An open connection on its way to its owner.
    @safe
    struct Connection: @unchecked Sendable {
        let handle: OpaquePointer
    }

    let server: ConnectParameters
    /// How long each address may take, if its share of what is left is longer.
    let addressTimeout: Duration?
    /// When nobody waits for the connection any more.
    let deadline: UInt64
    /// Ends the attempt early.
    var interruption: Interruption?

    /// Connects to the first host that lets us in and is what it should be.
    ///
    /// Blocks. The hosts are tried in their order, each of their addresses in the resolver's. A host that refuses the password ends
    /// it, because the others would too.
    ///
    /// - Throws: `PostgresError` with the code `connectFailed`: the reason of the last host, or of each if there are several.
    func connectBlocking() throws(PostgresError) -> Connection {
        var parameters = server
        try parameters.fillIn()
        // libpq can ask a group of hosts for a standby first and then for any, but not one host at a time.
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

    // MARK: Where to

    /// The hosts, each with its port. A host without a name is the local socket.
    func hosts(of parameters: ConnectParameters) throws(PostgresError) -> [Target] {
        func list(_ keyword: String) -> [String] {
            parameters[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
                ?? []
        }
        let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(1, names.count, addresses.count)
        guard
            names.isEmpty || addresses.isEmpty || names.count == addresses.count,
            ports.count <= 1 || ports.count == count
        else {
            throw PostgresError(.connectFailed, "there are not as many ports or addresses as hosts")
        }
        return (0..<count).map { index in
            Target(
                host: index < names.count && !names[index].isEmpty ? names[index] : nil,
                address: index < addresses.count && !addresses[index].isEmpty ? addresses[index] : nil,
                port: ports.count == 1 ? ports[0] : index < ports.count && !ports[index].isEmpty ? ports[index] : "5432"
            )
        }
    }

    /// A target for each address of a host.
    private func addresses(of target: Target, by deadline: UInt64) throws(PostgresError) -> [Target] {
        guard let host = target.host, target.address == nil, !Connector.isSocket(host) else { return [target] }
        return try Resolver.addresses(of: host, by: deadline, interruption).map { address in
            Target(host: host, address: address, port: target.port)
        }
    }

    /// Deals out what is left of a time among those that are still to come.
    struct TimeShares {
        let end: UInt64
        var count: Int

        /// When the next one's time is over, if it begins now.
        mutating func next(now: UInt64 = MonotonicClock.now) -> UInt64 {
            defer { count -= 1 }
            return now >= end ? end : now + (end - now) / UInt64(max(1, count))
        }
    }

    static func isSocket(_ host: String) -> Bool { host.hasPrefix("/") || host.hasPrefix("@") }

    /// Whether the way to a host does not leave the machine.
    ///
    /// libpq connects to the address if there is one, whatever the name is. A name that is not local stays so where it has an
    /// address of this machine, because the server at the other end of a tunnel proves that name.
    static func isLocal(_ target: Target) -> Bool {
        if let address = target.address, !isLoopback(address) { return false }
        guard let name = target.host else { return true }
        return isSocket(name) || name == "localhost" || isLoopback(name)
    }

    /// Whether a text is an address of the loopback interface, in one of the usual forms.
    private static func isLoopback(_ address: String) -> Bool {
        var (four, six) = (in_addr(), in6_addr())
        if unsafe inet_pton(AF_INET, address, &four) == 1 {
            return unsafe withUnsafeBytes(of: four) { unsafe $0[0] == 127 }
        }
        guard unsafe inet_pton(AF_INET6, address, &six) == 1 else { return false }
        return unsafe withUnsafeBytes(of: six) { bytes in
            let isMapped = unsafe bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
            return unsafe isMapped ? bytes[12] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
        }
    }

    private func connect(
        toAnyAddressOf host: Target,
        _ parameters: ConnectParameters,
        by deadline: UInt64
    ) throws(PostgresError) -> Connection {
        // Half of the time for the name is as much as for one address.
        var lookUp = TimeShares(end: deadline, count: 2)
        if interruption?.isInterrupted == true { throw ConnectAttempts.closed }
        var targets = try addresses(of: host, by: attempt(by: lookUp.next()))
        var time = TimeShares(end: deadline, count: targets.count)
        let last = targets.removeLast()
        for target in targets {
            do throws(PostgresError) {
                return try connect(to: target, parameters, by: attempt(by: time.next()))
            } catch {
                // A server that has answered will not say otherwise by another way.
                if error.server != nil { throw error }
            }
        }
        return try connect(to: last, parameters, by: attempt(by: time.next()))
    }

    /// The end of an attempt that begins now.
    private func attempt(by deadline: UInt64) -> UInt64 {
        guard let addressTimeout else { return deadline }
        return min(deadline, MonotonicClock.deadline(after: addressTimeout))
    }

    /// How a connection is encrypted: as somebody has said; else, on the way to another machine, with proof of who it is. libpq's
    /// default would go on without encryption where the server, or somebody in between, has none.
    static func encryption(for target: Target, _ parameters: ConnectParameters) -> String? {
        isLocal(target) || parameters.saysHowToEncrypt ? parameters["sslmode"] : "verify-full"
    }

    // MARK: One attempt

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
        // The code of an error is in the text only, and there only if one asks for it.
        unsafe PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        // What libpq says while it connects, such as that a password file is open to all, is no affair of standard error.
        unsafe PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard unsafe PQstatus(handle) != CONNECTION_BAD else {
            // A local socket refuses at once; else it is a keyword that has no such value.
            throw unsafe failure(of: handle, target, isPassing: target.host.map(Connector.isSocket) ?? true)
        }
        var state = PGRES_POLLING_WRITING
        var byteCount = 0
        while state != PGRES_POLLING_OK {
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            // Anew each time: libpq may have gone on to another socket.
            guard unsafe isReady(PQsocket(handle), Int16(events), by: deadline) else {
                throw PostgresError(
                    .connectFailed,
                    "\(Connector.name(of: target)) has not let the session in within \(MonotonicClock.duration(since: began))",
                    connectionIsGone: true,
                    isUnreached: true
                )
            }
            if interruption?.isInterrupted == true { throw ConnectAttempts.closed }
            byteCount += min(Int(clockpool_unread(unsafe PQsocket(handle))), Connector.largestStep)
            if byteCount > Connector.connectBudget {
                throw PostgresError(
                    .connectFailed,
                    "\(Connector.name(of: target)) has sent more than a server sends to let a session in",
                    connectionIsGone: true
                )
            }
            if unsafe PQstatus(handle) == CONNECTION_AWAITING_RESPONSE {
                guard try unsafe admits(&gate, handle, target) else { continue }
            } else {
                gate = gate.anew
            }
            state = unsafe PQconnectPoll(handle)
            if state == PGRES_POLLING_FAILED { throw unsafe failure(of: handle, target, isPassing: true) }
        }
        guard unsafe PQsetnonblocking(handle, 1) == 0 else {
            throw unsafe failure(of: handle, target, isPassing: true)
        }
        unsafe PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
    }

    /// The number of bytes that a server may send before the session begins. Certificates and settings are some ten thousand.
    private static var connectBudget: Int { 1 << 20 }

    /// Of what has come, one step of libpq takes no more than this into account.
    private static var largestStep: Int { 1 << 16 }

    /// Blocks until a socket is ready, the time is over, or the attempt is interrupted.
    ///
    /// - Returns: Whether there is a reason to go on, which an interruption is.
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

    /// The reason why a connection could not be made, which libpq knows as a text.
    private func failure(of handle: OpaquePointer, _ target: Target, isPassing: Bool) -> PostgresError {
        let text = unsafe String(cString: PQerrorMessage(handle))
        let server = Connector.serverFields(in: text)
        let message =
            server?.message
            ?? PostgresError.escapingControlCharacters(
                text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" } }.joined(separator: " ")
            )
        return PostgresError(
            .connectFailed,
            server == nil ? message : "\(Connector.name(of: target)): \(message)",
            server: server,
            connectionIsGone: true,
            isUnreached: server == nil && isPassing && !Connector.isLasting(text)
        )
    }

    /// Whether a failure that is told by libpq, and not by the server, is one that another attempt will meet again: a certificate,
    /// a missing password. A connection that ended in the middle of that is none. The texts are English, because libpq
    /// translates for programs that ask the system for their user's language.
    static func isLasting(_ text: String) -> Bool {
        if text.contains("SSL SYSCALL") || text.contains("closed") { return false }
        return ["SSL", "certificate", "GSSAPI", "SCRAM", "authentication", "password"].contains { text.contains($0) }
    }

    static func name(of target: Target) -> String {
        let host = target.host ?? target.address ?? "the local socket"
        return "\(host), port \(target.port)"
    }

    /// Finds `FATAL:  28P01: password authentication failed …` in the text of an error.
    static func serverFields(in text: String) -> PostgresError.ServerFields? {
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ": ", maxSplits: 8).map { $0.drop { $0 == " " } }
            let code = parts.indices.dropFirst().first { SQLState.isCode(parts[$0]) }
            guard let code, code + 1 < parts.count else { continue }
            return PostgresError.ServerFields(
                sqlState: SQLState(String(parts[code])),
                severity: "FATAL",
                message: parts[(code + 1)...].joined(separator: ": ")
            )
        }
        return nil
    }

    /// The file of authorities that the system trusts, unless the user has one of libpq's own.
    private static func systemAuthorities() -> String? {
        if let home = getenvString("HOME"), unsafe access("\(home)/.postgresql/root.crt", R_OK) == 0 { return nil }
        let files = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
        return files.first { unsafe access($0, R_OK) == 0 }
    }
}
