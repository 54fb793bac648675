// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The address of a server of a cluster.
struct ClusterHost: Hashable, Sendable {
    /// libpq's keyword `host`; `nil` if there is only an address.
    var host: String?
    /// libpq's keyword `hostaddr`.
    var address: String?
    /// `nil` for libpq's default.
    var port: String?

    /// The host and the port.
    var name: String {
        let host = host ?? address ?? ""
        guard let port else { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Returns the hosts of a configuration.
    ///
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    static func hosts(of parameters: ConnectParameters) throws(PostgresError) -> [ClusterHost] {
        let (hosts, addresses, ports) = (
            list("host", parameters), list("hostaddr", parameters), list("port", parameters)
        )
        let count = max(hosts.count, addresses.count)
        func check(_ condition: Bool, _ reason: String) throws(PostgresError) {
            if !condition { throw PostgresError(.invalidConfiguration, reason) }
        }
        try check(
            hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count,
            "there must be as many addresses as hosts"
        )
        try check(ports.count <= 1 || ports.count == count, "there must be as many ports as hosts")
        return (0..<count).map { index in
            let port = ports.count > 1 ? ports[index] : ports.first ?? ""
            return ClusterHost(
                host: hosts.isEmpty ? nil : hosts[index],
                address: addresses.isEmpty ? nil : addresses[index],
                port: port.isEmpty ? nil : port
            )
        }
    }

    private static func list(_ keyword: String, _ parameters: ConnectParameters) -> [String] {
        guard let text = parameters[keyword], !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// Creates a host from `db1.example.com`, `db1.example.com:5433` or `[2001:db8::1]:5433`.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - port: The port of a text without one; `nil` for libpq's default.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    init(_ text: String, defaultPort port: String?) throws(PostgresError) {
        var (host, rest): (Substring, Substring)
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            (host, rest) = (text[text.index(after: text.startIndex)..<end], text[text.index(after: end)...])
        } else {
            let colon = text.hasPrefix("/") ? text.endIndex : text.firstIndex(of: ":") ?? text.endIndex
            (host, rest) = (text[..<colon], text[colon...])
        }
        let isValid =
            !host.isEmpty && host.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "," && $0.value != 0x7f }
        let digits = rest.dropFirst()
        let number = digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(digits) : nil
        guard isValid, rest.isEmpty || rest.first == ":" && number ?? 0 > 0 else {
            throw PostgresError(
                .invalidConfiguration,
                "“\(PostgresError.escapingControlCharacters(text))” is not a host, such as db1.example.com:5432"
            )
        }
        self.host = String(host)
        self.port = number.map(String.init) ?? port
    }

    private init(host: String?, address: String?, port: String?) {
        (self.host, self.address, self.port) = (host, address, port)
    }
}

extension PostgresConfiguration {
    /// Returns the configuration of a cluster's pool for one host.
    func of(_ host: ClusterHost, cluster: String) -> PostgresConfiguration {
        var configuration = self
        configuration.parameters["target_session_attrs"] = "any"
        // An empty keyword is a missing one: it replaces the list of all hosts.
        configuration.parameters["host"] = host.host ?? ""
        configuration.parameters["hostaddr"] = host.address ?? ""
        configuration.parameters["port"] = host.port ?? ""
        configuration.pool.name = "\(cluster).\(host.name)"
        return configuration
    }
}
