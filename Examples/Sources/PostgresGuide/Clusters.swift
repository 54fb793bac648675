// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling

// The code of Docs/Cluster.md. It runs on one server, which is a cluster without standbys.

/// Makes clusters that are not used: their hosts do not exist.
func makeClusters() async throws {
    // guide: cluster
    let cluster = try PostgresCluster("postgres://app@db1.example.com,db2.example.com,db3.example.com/shop")
    // end
    await cluster.close()

    // guide: discovery
    var configuration = PostgresCluster.Configuration("postgres://app@/shop")
    configuration.discover = { try await hosts(of: "shop") }
    configuration.discoveryInterval = .seconds(30)
    let discovered = try PostgresCluster(configuration, observers: [ClusterPrinter()])
    // end
    await discovered.close()
}

/// Stands for a request to Patroni's `GET /cluster`.
private func hosts(of cluster: String) async throws -> [String] {
    let answer = #"{"members": [{"role": "leader", "host": "db1.\#(cluster).example.com", "port": 5432}]}"#
    return try JSONDecoder().decode(PatroniCluster.self, from: Data(answer.utf8)).hosts
}

// guide: patroni
struct PatroniCluster: Decodable {
    struct Member: Decodable {
        var host: String?
        var port: Int?
    }

    var members: [Member]

    /// The hosts for `discover`. A member that has not started yet has none.
    var hosts: [String] {
        members.compactMap { member in
            guard let host = member.host else { return nil }
            return "\(host.contains(":") ? "[\(host)]" : host):\(member.port ?? 5432)"
        }
    }
}
// end

// guide: observer
struct ClusterPrinter: PostgresClusterObserver {
    func observe(_ event: PostgresCluster.Event, in cluster: String) {
        if case .primaryChanged(_, let new) = event { print("\(cluster): writes go to \(new ?? "no server")") }
    }

    func observe(_ event: PoolEvent, in pool: String) {}
}
// end

/// Stands for a logger: ports and shares differ from one run to the next.
private func log(_ line: String) {}

func clusters(_ server: String) async throws {
    let cluster = try PostgresCluster(server)
    try await cluster.write { db in
        try await db.executeScript("DROP TABLE IF EXISTS purchase; CREATE TABLE purchase (id serial, user_id int)")
    }
    let user = 7

    // guide: cluster calls
    try await cluster.execute("INSERT INTO purchase (user_id) VALUES (\(user))")
    let id = try await cluster.queryOne("INSERT INTO purchase (user_id) VALUES (\(user)) RETURNING id", as: Int.self)
    let count = try await cluster.queryOne("SELECT count(*) FROM purchase", from: .preferReplica, as: Int.self)
    // end
    print(id, count)

    // guide: cluster bodies
    try await cluster.withTransaction(retry: .serializationFailures()) { db in
        try await db.execute("UPDATE purchase SET user_id = 8 WHERE id = \(id)")
    }
    let users = try await cluster.read(from: .preferReplica) { db in
        try await db.query("SELECT DISTINCT user_id FROM purchase", as: Int.self)
    }
    // end
    print(users.count)

    // guide: session
    let session = cluster.session()
    try await session.execute("INSERT INTO purchase (user_id) VALUES (\(user))")
    let own = try await session.queryOne(
        "SELECT count(*) FROM purchase WHERE user_id = \(user)",
        from: .preferReplica,
        as: Int.self
    )
    // end
    print(own)

    // guide: cookie
    let cookie = session.position.map { "\($0)" } ?? ""
    let next = cluster.session(after: PostgresLSN(cookie))
    // end
    print(next.readsFromPrimary)

    // guide: unqualified
    var policy = PostgresReadPolicy.replica(maximumLag: .time(.seconds(5)), fallback: .fail)
    policy.positionTimeout = .milliseconds(200)
    do {
        _ = try await session.query("SELECT * FROM purchase", from: policy)
    } catch let error as PostgresError where error.code == .noServer {
        for server in error.servers { log("\(server.name): \(server.reason), \(server.lagBytes ?? 0) bytes behind") }
    }
    // end

    // guide: snapshot
    for server in cluster.snapshot.servers {
        log("\(server.status.name): \(server.status.role), \(Int(server.shareOfReads * 100)) % of the reads")
    }
    // end
    await cluster.close()
}
