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

// The hosts and addresses of a server, and the encryption for each.

extension Connector {
    /// Returns the hosts, each with its port. A host without a name is the local socket.
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
            throw PostgresError(.connectFailed, "there must be as many ports and addresses as hosts")
        }
        return (0..<count).map { index in
            Target(
                host: index < names.count && !names[index].isEmpty ? names[index] : nil,
                address: index < addresses.count && !addresses[index].isEmpty ? addresses[index] : nil,
                port: ports.count == 1 ? ports[0] : index < ports.count && !ports[index].isEmpty ? ports[index] : "5432"
            )
        }
    }

    /// Returns a target for each address of a host.
    func addresses(of target: Target, by deadline: UInt64) throws(PostgresError) -> [Target] {
        guard let host = target.host, target.address == nil, !Connector.isSocket(host) else { return [target] }
        return try Resolver.addresses(of: host, by: deadline, interruption).map { address in
            Target(host: host, address: address, port: target.port)
        }
    }

    /// Divides the remaining time among the remaining attempts.
    struct TimeShares {
        let end: UInt64
        var count: Int

        /// Returns the deadline of the next attempt, if it begins now.
        mutating func next(now: UInt64 = MonotonicClock.now) -> UInt64 {
            defer { count -= 1 }
            return now >= end ? end : now + (end - now) / UInt64(max(1, count))
        }
    }

    static func isSocket(_ host: String) -> Bool { host.hasPrefix("/") || host.hasPrefix("@") }

    /// Returns whether the connection to a host stays on this machine.
    ///
    /// libpq connects to the address if there is one, whatever the name is. A name that is not
    /// local stays so with a loopback address, because the server at the other end of a tunnel
    /// proves that name.
    static func isLocal(_ target: Target) -> Bool {
        if let address = target.address, !isLoopback(address) { return false }
        guard let name = target.host else { return true }
        return isSocket(name) || name == "localhost" || isLoopback(name)
    }

    /// Returns whether a text is a loopback address in one of the usual forms.
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

    /// Returns the `sslmode` for a host: the specified one, or `verify-full` for another machine.
    /// libpq's default would continue without encryption if the server, or an attacker in between,
    /// offers none.
    static func encryption(for target: Target, _ parameters: ConnectParameters) -> String? {
        isLocal(target) || parameters.specifiesEncryption ? parameters["sslmode"] : "verify-full"
    }

    /// Returns the system's file of certificate authorities, unless the user has one for libpq.
    static func systemAuthorities() -> String? {
        if let home = getenvString("HOME"), unsafe access("\(home)/.postgresql/root.crt", R_OK) == 0 { return nil }
        let files = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
        return files.first { unsafe access($0, R_OK) == 0 }
    }
}
