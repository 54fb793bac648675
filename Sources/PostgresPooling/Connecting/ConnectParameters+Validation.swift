// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension ConnectParameters {
    /// Rejects keywords that libpq does not have, and values that cannot reach a server, before
    /// any connection attempt.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration`, which names the keyword and
    ///   does not quote the value.
    func validate() throws(PostgresError) {
        let known = ConnectParameters.keywords()
        for keyword in values.keys.sorted() where !known.contains(keyword) {
            throw ConnectionString.invalid("a keyword in parameters is not known to libpq: “\(keyword)”")
        }
        // libpq would use the part before the NUL character.
        for (keyword, value) in values where value.hasNUL {
            throw ConnectionString.invalid("the value of “\(keyword)” has a NUL character")
        }
        for (keyword, choices) in Self.choices {
            guard let value = values[keyword], !value.isEmpty, !choices.contains(value) else { continue }
            let list = choices.dropLast().joined(separator: ", ")
            throw ConnectionString.invalid("“\(keyword)” must be \(list) or \(choices.last!)")
        }
        for keyword in Self.numbers {
            guard let value = values[keyword], !value.isEmpty, Int32(value.trimmed) == nil else { continue }
            throw ConnectionString.invalid("“\(keyword)” must be a whole number")
        }
        if let value = values["require_auth"], !value.isEmpty, AuthenticationPolicy(parsing: value) == nil {
            throw ConnectionString.invalid(AuthenticationPolicy.form)
        }
        try validateHosts()
    }

    private func validateHosts() throws(PostgresError) {
        func list(_ keyword: String) -> [Substring] {
            values[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false) } ?? []
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        for port in ports where !port.isEmpty {
            guard let number = Int(String(port).trimmed), 1...65_535 ~= number else {
                throw ConnectionString.invalid(
                    "“port” must be a number from 1 to 65535, or several separated by commas"
                )
            }
        }
        let count = max(hosts.count, addresses.count)
        let isEven = hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count
        // Missing hosts come from other sources when a connection is made.
        guard isEven, count == 0 || ports.count <= 1 || ports.count == count else {
            throw ConnectionString.invalid("there must be as many ports and addresses as hosts")
        }
        guard count > 1 else { return }
        for index in 0..<count {
            let isNamed =
                index < hosts.count && !hosts[index].isEmpty || index < addresses.count && !addresses[index].isEmpty
            if !isNamed { throw ConnectionString.invalid("a list of hosts has an empty entry") }
        }
    }

    /// The keywords with a fixed set of values. Keywords whose values depend on libpq's version
    /// are left to libpq.
    private static let choices: KeyValuePairs<String, [String]> = [
        "sslmode": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
        "target_session_attrs": ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"],
        "channel_binding": ["disable", "prefer", "require"],
        "gssencmode": ["disable", "prefer", "require"],
    ]

    private static let numbers = [
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",
    ]
}

extension String {
    /// The text without surrounding spaces, as libpq reads a number.
    fileprivate var trimmed: String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
