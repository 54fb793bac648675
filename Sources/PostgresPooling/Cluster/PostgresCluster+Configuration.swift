// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresCluster {
    /// The servers of a cluster, and how a ``PostgresCluster`` uses them.
    public struct Configuration: Sendable {
        /// The hosts of all servers, and the settings of the pool of each. `target_session_attrs`
        /// has no effect. The name of the pool is that of the cluster; the pool of a server has
        /// its host behind it.
        ///
        /// `initialBackoff` and `maximumBackoff` are also the bounds of the pauses in which a
        /// server that has failed reads receives none.
        public var servers: PostgresConfiguration

        /// The interval at which each server is asked for its role and position. The default is a
        /// second. Errors of statements cause a probe at once.
        public var probeInterval = Duration.seconds(1)

        /// The time after which a server that does not answer a probe is unreachable. The default
        /// is a second.
        public var probeTimeout = Duration.seconds(1)

        /// A closure that lists the servers; `nil`, the default, for those of ``servers`` alone.
        ///
        /// Each element is a host with or without a port, such as `db1.example.com:5433`,
        /// `[2001:db8::1]:5433` or `/run/postgresql`. The closure is called at
        /// ``discoveryInterval``, and when a server is lost or the primary is missing. Servers
        /// that are new in the list join the cluster. Those that are missing receive nothing new,
        /// and their connections are closed when they are not used any more, at the latest after
        /// the `drainTimeout` of the pools. If the closure throws, takes longer than
        /// ``discoveryTimeout``, or returns an empty list or an invalid host, the servers stay as
        /// they are.
        ///
        /// The hosts of ``servers`` are used until the first list. They may be missing.
        public var discover: (@Sendable () async throws -> [String])?

        /// The interval at which ``discover`` is called. The default is 30 seconds.
        public var discoveryInterval = Duration.seconds(30)

        /// The time limit of ``discover``, whose task is cancelled then. The default is 5 seconds.
        public var discoveryTimeout = Duration.seconds(5)

        /// Creates a configuration with default values.
        ///
        /// - Parameter server: A URL with several hosts, or keywords; see
        ///   ``PostgresConfiguration/server``.
        public init(_ server: String) { servers = PostgresConfiguration(server) }

        /// - Returns: The hosts of ``servers``, the port for hosts without one, and the name of
        ///   the cluster.
        /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
        func validated() throws(PostgresError) -> (hosts: [ClusterHost], port: String?, name: String) {
            var parameters = try ConnectParameters(parsing: servers.server)
            for (keyword, value) in servers.parameters { parameters[keyword] = value }
            func check(_ condition: Bool, _ reason: String) throws(PostgresError) {
                if !condition { throw PostgresError(.invalidConfiguration, reason) }
            }
            try check(probeInterval > .zero, "probeInterval must be positive")
            try check(probeTimeout > .zero, "probeTimeout must be positive")
            try check(discoveryInterval > .zero, "discoveryInterval must be positive")
            try check(discoveryTimeout > .zero, "discoveryTimeout must be positive")
            let hosts = try ClusterHost.hosts(of: parameters)
            try check(!hosts.isEmpty || discover != nil, "a cluster needs the hosts of its servers")
            try check(Set(hosts).count == hosts.count, "a host is listed twice")
            var name = servers.pool.name
            if name == ConnectionPoolConfiguration.unnamed {
                name =
                    servers.applicationName ?? parameters["application_name"] ?? getenvString("PGAPPNAME")
                    ?? ConnectionPoolConfiguration.uniqueName("postgres")
            }
            let port = parameters["port"].flatMap { $0.isEmpty || $0.contains(",") ? nil : $0 }
            return (hosts, port, name)
        }
    }
}
