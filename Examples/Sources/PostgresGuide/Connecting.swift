// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling

/// The source of tokens that replace a password.
actor Tokens {
    func current() async throws -> String { "token" }
}

/// Makes pools that are not used: a pool connects on its first use.
func makePools() throws {
    // guide: servers
    let byURL = try PostgresPool("postgres://app@db.example.com/shop")
    let byKeywords = try PostgresPool("host=db.example.com user=app dbname=shop")
    let bySocket = try PostgresPool("host=/run/postgresql dbname=shop")
    let byService = try PostgresPool("service=shop")
    let byEnvironment = try PostgresPool("")
    // end

    // guide: hosts
    let hosts = "db1.example.com,db2.example.com"
    let writing = try PostgresPool("postgres://app@\(hosts)/shop?target_session_attrs=read-write")
    let reading = try PostgresPool("postgres://app@\(hosts)/shop?target_session_attrs=prefer-standby")
    // end

    let tokens = Tokens()
    // guide: configuration
    var configuration = PostgresConfiguration("postgres://app@db.example.com/shop")
    configuration.parameters["sslrootcert"] = "/etc/shop/database-ca.crt"
    configuration.password = { try await tokens.current() }
    configuration.applicationName = "shop-web"
    configuration.setup = ["SET timezone = 'UTC'", "SET lock_timeout = '5s'"]
    configuration.pool.maximumConnections = 8
    let pool = try PostgresPool(configuration)
    // end
    _ = (byURL, byKeywords, bySocket, byService, byEnvironment, writing, reading, pool)
}
