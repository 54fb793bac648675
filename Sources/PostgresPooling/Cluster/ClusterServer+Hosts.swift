// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension ClusterServer {
    /// Creates a server for each host of a configuration.
    ///
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    static func servers(_ configuration: PostgresCluster.Configuration) throws(PostgresError) -> [ClusterServer] {
        var parameters = try ConnectParameters(parsing: configuration.servers.server)
        for (keyword, value) in configuration.servers.parameters { parameters[keyword] = value }
        let (hosts, addresses, ports) = (list("host", parameters), list("hostaddr", parameters), list("port", parameters))
        let count = max(hosts.count, addresses.count)
        func check(_ condition: Bool, _ reason: String) throws(PostgresError) {
            if !condition { throw PostgresError(.invalidConfiguration, reason) }
        }
        try check(count > 0, "a cluster needs the hosts of its servers")
        try check(hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count, "there must be as many addresses as hosts")
        try check(ports.count <= 1 || ports.count == count, "there must be as many ports as hosts")
        try check(configuration.probeInterval > .zero, "probeInterval must be positive")
        try check(configuration.probeTimeout > .zero, "probeTimeout must be positive")
        var servers: [ClusterServer] = []
        for index in 0..<count {
            var server = configuration.servers
            server.parameters["target_session_attrs"] = "any"
            if !hosts.isEmpty { server.parameters["host"] = hosts[index] }
            if !addresses.isEmpty { server.parameters["hostaddr"] = addresses[index] }
            let port = ports.count > 1 ? ports[index] : ports.first ?? ""
            if !ports.isEmpty { server.parameters["port"] = port }
            let host = hosts.isEmpty ? addresses[index] : hosts[index]
            let name = port.isEmpty ? host : "\(host):\(port)"
            server.pool.name = "\(configuration.servers.pool.name).\(name)"
            servers.append(
                try ClusterServer(index: index, name: name, server, probeTimeout: configuration.probeTimeout)
            )
        }
        return servers
    }

    private static func list(_ keyword: String, _ parameters: ConnectParameters) -> [String] {
        guard let text = parameters[keyword], !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
}
