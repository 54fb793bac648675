// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ResetPolicyTests {
    /// A way in which a lease changes its session.
    enum Leak: String, CaseIterable, Codable {
        case set, setConfig, setInFunction, setInDo, setInProcedure, reportedInFunction, reportedInTrigger, role,
            authorization
        case temporaryTable, temporaryTableAs, explained, selectInto, temporaryInFunction, advisoryLock,
            advisoryLockInFunction
        case listen, listenInFunction, cursor, prepared, preparedInDo, sequence, abandoned
        case resetAll, resetSetting, discardAll, discardTemporary

        /// The statements of the lease. The functions are those of `installation`.
        var statements: [String] {
            switch self {
            case .set: ["SET leak.tenant = 'x'"]
            case .setConfig: ["SELECT set_config('leak.tenant', 'x', false)"]
            case .setInFunction: ["SELECT leak_execute('SET leak.tenant = ''x''')"]
            case .setInDo: ["DO 'BEGIN SET leak.tenant = ''x''; END'"]
            case .setInProcedure: ["CALL leak_procedure()"]
            case .reportedInFunction: ["SELECT leak_execute('SET TimeZone = ''Asia/Kathmandu''')"]
            case .reportedInTrigger: ["INSERT INTO leak_triggering VALUES (1)"]
            case .role: ["SET ROLE leak_role"]
            case .authorization: ["SET SESSION AUTHORIZATION leak_role"]
            case .temporaryTable: ["CREATE TEMP TABLE leaked (n int)"]
            case .temporaryTableAs: ["CREATE TEMPORARY TABLE leaked AS SELECT 1 AS n"]
            case .explained: ["EXPLAIN ANALYZE CREATE TEMP TABLE leaked AS SELECT 1 AS n"]
            case .selectInto: ["SELECT 1 AS n INTO TEMP leaked"]
            case .temporaryInFunction: ["SELECT leak_execute('CREATE TEMP TABLE leaked (n int)')"]
            case .advisoryLock: ["SELECT pg_advisory_lock(hashtext(application_name)) FROM leak_session"]
            case .advisoryLockInFunction: ["SELECT leak_lock()"]
            case .listen: ["LISTEN leaked"]
            case .listenInFunction: ["SELECT leak_execute('LISTEN leaked')"]
            case .cursor: ["BEGIN", "DECLARE leaked CURSOR WITH HOLD FOR SELECT 1", "COMMIT"]
            case .prepared: ["PREPARE leaked AS SELECT 1"]
            case .preparedInDo: ["DO 'BEGIN EXECUTE ''PREPARE leaked AS SELECT 1''; END'"]
            case .sequence: ["SELECT nextval('leak_sequence')"]
            case .abandoned: []
            case .resetAll: ["RESET ALL"]
            case .resetSetting: ["RESET leak.setup"]
            case .discardAll: ["DISCARD ALL"]
            case .discardTemporary: ["DISCARD TEMP"]
            }
        }

        /// Returns whether the next lease sees the change.
        func isMet(by db: borrowing PostgresConnection) async throws -> Bool {
            switch self {
            case .sequence: await postgresFailure { try await db.query("SELECT lastval()") } == nil
            case .discardTemporary: await postgresFailure { try await db.query("SELECT FROM leak_of_setup") } != nil
            default: try await db.query(PostgresQuery(unsafe: "SELECT coalesce(\(condition), false)"), as: Bool.self)[0]
            }
        }

        private var condition: String {
            switch self {
            case .set, .setConfig, .setInFunction, .setInDo, .setInProcedure, .abandoned:
                "current_setting('leak.tenant', true) = 'x'"
            case .reportedInFunction, .reportedInTrigger: "current_setting('TimeZone') = 'Asia/Kathmandu'"
            case .role, .authorization: "current_user = 'leak_role'"
            case .temporaryTable, .temporaryTableAs, .explained, .selectInto, .temporaryInFunction:
                "to_regclass('leaked') IS NOT NULL"
            case .advisoryLock, .advisoryLockInFunction:
                "(SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
            case .listen, .listenInFunction: "(SELECT count(*) > 0 FROM pg_listening_channels())"
            case .cursor: "(SELECT count(*) > 0 FROM pg_cursors WHERE name = 'leaked')"
            case .prepared, .preparedInDo: "(SELECT count(*) > 0 FROM pg_prepared_statements WHERE name = 'leaked')"
            case .resetAll, .resetSetting, .discardAll: "current_setting('leak.setup', true) <> 'set'"
            case .sequence, .discardTemporary: "false"
            }
        }

        /// Whether `whenChanged` does not detect it, as the guide documents.
        var isMissed: Bool {
            switch self {
            case .setInFunction, .temporaryInFunction, .advisoryLockInFunction, .listenInFunction, .sequence: true
            default: false
            }
        }
    }

    private static let installation = Task {
        try await TestServer.shared.psql(
            """
            CREATE ROLE leak_role; CREATE SEQUENCE leak_sequence; GRANT ALL ON SCHEMA public TO leak_role;
            CREATE VIEW leak_session AS SELECT current_setting('application_name') AS application_name;
            CREATE FUNCTION leak_execute(statement text) RETURNS void LANGUAGE plpgsql AS
                'BEGIN EXECUTE statement; END';
            CREATE FUNCTION leak_lock() RETURNS void LANGUAGE sql AS
                'SELECT pg_advisory_lock(hashtext(application_name)) FROM leak_session';
            CREATE PROCEDURE leak_procedure() LANGUAGE plpgsql AS 'BEGIN SET leak.tenant = ''x''; END';
            CREATE FUNCTION leak_trigger() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN SET TimeZone = ''Asia/Kathmandu''; RETURN NEW; END';
            CREATE TABLE leak_triggering (n int);
            CREATE TRIGGER leaks BEFORE INSERT ON leak_triggering FOR EACH ROW EXECUTE FUNCTION leak_trigger()
            """
        )
    }

    private func withPool(_ policy: PostgresConfiguration.ResetPolicy, _ body: (PostgresPool) async throws -> Void)
        async throws
    {
        _ = try await Self.installation.value
        let configure = { (configuration: inout PostgresConfiguration) in
            configuration.pool.maximumConnections = 1
            configuration.setup = ["SET leak.setup = 'set'", "CREATE TEMP TABLE leak_of_setup (n int)"]
            configuration.reset = policy
        }
        try await TestServer.shared.withPool(.native, configure, body)
    }

    @Test(
        "Changes that a lease makes to its session are reset according to the policy, on the same connection",
        arguments: PostgresConfiguration.ResetPolicy.allCases,
        Leak.allCases
    )
    func leak(_ policy: PostgresConfiguration.ResetPolicy, _ leak: Leak) async throws {
        try await withPool(policy) { pool in
            let process = try await pool.process()
            for _ in 0..<3 {
                try await pool.withConnection { db in
                    try await equal(leak.isMet(by: db), false)
                    for statement in leak.statements { try await db.execute(PostgresQuery(unsafe: statement)) }
                    if leak == .abandoned { try await abandon(db) }
                    if leak != .abandoned { try await equal(leak.isMet(by: db), true) }
                }
                let isMet = try await pool.withConnection { db in
                    equal(db.serverProcess, process)
                    return try await leak.isMet(by: db)
                }
                let isExpected =
                    switch policy {
                    case .always: false
                    case .whenChanged: leak.isMissed
                    case .transactionOnly: true
                    }
                #expect(isMet == isExpected)
                // Each round begins with a clean session.
                if isMet { break }
            }
        }
    }

    /// Runs a statement that changes a setting, and does not wait for its answer.
    private func abandon(_ db: borrowing PostgresConnection) async throws {
        kill(db.serverProcess, SIGSTOP)
        let process = db.serverProcess
        defer { kill(process, SIGCONT) }
        let error = await postgresFailure {
            try await db.execute("SET leak.tenant = 'x'", timeout: .milliseconds(1))
        }
        #expect(error?.code == .timedOut)
    }

    @Test("A setting that ends with its transaction costs no reset")
    func local() async throws {
        try await withPool(.whenChanged) { pool in
            // A reset would run the setup, which drops the row.
            try await pool.execute("INSERT INTO leak_of_setup VALUES (1)")
            try await pool.withTransaction { db in
                try await db.execute("SET LOCAL leak.tenant = 'x'")
                try await db.execute("SET TRANSACTION READ ONLY")
                for _ in 0..<3 { _ = try await db.query("SELECT set_config('leak.tenant', \("y"), true)") }
                _ = try await db.query("SELECT pg_advisory_xact_lock(hashtext(application_name)) FROM leak_session")
                try await db.execute("DECLARE closed CURSOR FOR SELECT 1")
                try await db.execute("SET CONSTRAINTS ALL DEFERRED")
            }
            try await equal(pool.query("SELECT n FROM leak_of_setup", as: Int32.self), [1])
            try await equal(pool.query("SELECT current_setting('leak.tenant', true) <> 'y'", as: Bool.self), [true])
        }
    }

    @Test("A change costs one reset, and later leases cost none")
    func once() async throws {
        try await withPool(.whenChanged) { pool in
            try await pool.execute("SET leak.tenant = 'x'")
            // A reset would run the setup, which drops the row.
            try await pool.execute("INSERT INTO leak_of_setup VALUES (1)")
            for _ in 0..<2 { try await equal(pool.query("SELECT n FROM leak_of_setup", as: Int32.self), [1]) }
        }
    }

    @Test("A lease without statements costs no reset under the strictest policy")
    func unused() async throws {
        try await withPool(.always) { pool in
            let resets = { () async throws -> Int in
                // Each reset runs the setup, which recreates the table.
                try await pool.query("SELECT 'leak_of_setup'::regclass::oid::bigint", as: Int.self)[0]
            }
            let first = try await resets()
            let second = try await resets()
            #expect(first != second)
            try await pool.withConnection { db in equal(db.isInTransaction, false) }
            try await equal(pool.withConnection { db in db.session.state.isUsed }, false)
        }
    }

    @Test(
        "The pool's prepared statements survive a reset",
        arguments: [PostgresConfiguration.ResetPolicy.always, .whenChanged]
    )
    func preparedStatements(_ policy: PostgresConfiguration.ResetPolicy) async throws {
        try await withPool(policy) { pool in
            for _ in 0..<3 {
                try await pool.withConnection { db in
                    try await equal(db.query("SELECT 1 AS outlives", as: Int32.self), [1])
                    try await db.execute("SET leak.tenant = 'x'")
                }
            }
            let names = try await pool.query(
                "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%AS outlives'",
                as: String.self
            )
            #expect(names == ["SELECT 1 AS outlives"])
        }
    }

    @Test(
        "The statements that a setup prepares exist in every lease",
        arguments: [PostgresConfiguration.ResetPolicy.always, .whenChanged]
    )
    func preparingSetup(_ policy: PostgresConfiguration.ResetPolicy) async throws {
        let configure = { (configuration: inout PostgresConfiguration) in
            configuration.pool.maximumConnections = 1
            configuration.setup = ["PREPARE of_setup AS SELECT 7"]
            configuration.reset = policy
        }
        try await TestServer.shared.withPool(.native, configure) { pool in
            let process = try await pool.process()
            for statement in ["SET geqo = off", "DEALLOCATE ALL", "DISCARD ALL", "SELECT 1"] {
                try await pool.withConnection { db in
                    equal(db.serverProcess, process)
                    try await equal(db.query("EXECUTE of_setup", as: Int32.self), [7])
                    try await db.execute(PostgresQuery(unsafe: statement))
                }
            }
            try await equal(pool.query("EXECUTE of_setup", as: Int32.self), [7])
        }
    }

    @Test("A role that its own settings set at login is the role after a reset")
    func roleOfStart() async throws {
        try await TestServer.shared.withForeignPool(.utf8, .role, { $0.reset = .always }) { pool in
            for statement in ["SELECT 1", "SET ROLE NONE", "SET SESSION AUTHORIZATION foreign_plain", "RESET ROLE"] {
                try await equal(pool.query("SELECT current_user::text", as: String.self), ["foreign_other"])
                try await pool.execute(PostgresQuery(unsafe: statement))
            }
            try await equal(pool.query("SELECT current_user::text", as: String.self), ["foreign_other"])
        }
    }

    @Test("A session's tenant never reaches another lease when each lease is reset")
    func tenants() async throws {
        _ = try await Self.installation.value
        let server = try await TestServer.shared
        let name = "tenants_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.psql(
            """
            CREATE TABLE \(name) (tenant text, secret text); INSERT INTO \(name) VALUES ('a', 'of a'), ('b', 'of b');
            ALTER TABLE \(name) ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own ON \(name) USING (tenant = current_setting('app.tenant', true));
            CREATE ROLE \(name) LOGIN PASSWORD '\(server.password)'; GRANT SELECT ON \(name) TO \(name);
            CREATE FUNCTION \(name)(tenant text) RETURNS text LANGUAGE plpgsql AS
                'BEGIN RETURN set_config(''app.tenant'', tenant, false); END'
            """
        )
        let configure = { (configuration: inout PostgresConfiguration) in
            configuration.parameters = ["user": name]
            configuration.pool.maximumConnections = 2
            configuration.reset = .always
        }
        try await server.withPool(.native, configure) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        for round in 0..<20 {
                            let tenant = (number + round) % 2 == 0 ? "a" : "b"
                            try await pool.withConnection { db in
                                let secrets: PostgresQuery = "SELECT secret FROM \(identifier: name)"
                                try await equal(db.query(secrets, as: String.self), [])
                                let call: PostgresQuery = "SELECT \(identifier: name)(\(tenant))"
                                _ =
                                    try await round % 3 == 0
                                    ? db.query(call) : db.query("SELECT set_config('app.tenant', \(tenant), false)")
                                try await equal(db.query(secrets, as: String.self), ["of \(tenant)"])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A setting that the server has reloaded is the new baseline after one reset")
    func reloaded() async throws {
        try await withServer { server in
            try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
                let process = try await pool.process()
                try await server.psql("ALTER SYSTEM SET TimeZone = 'Asia/Tokyo'")
                try await server.psql("SELECT pg_reload_conf()")
                try await until {
                    try await pool.query("SHOW TimeZone", as: String.self) == ["Asia/Tokyo"]
                }
                for _ in 0..<3 { try await equal(pool.process(), process) }
                try await equal(pool.query("SHOW TimeZone", as: String.self), ["Asia/Tokyo"])
            }
        }
    }
}
