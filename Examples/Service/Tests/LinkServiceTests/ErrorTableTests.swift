// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import Testing

@testable import LinkService

@Suite struct ErrorTableTests {
    @Test(
        "An error of the pool has the status of its category",
        arguments: [
            (.timedOut, .overloaded), (.tooManyWaiters, .overloaded), (.deadlock, .overloaded),
            (.connectFailed, .unavailable), (.closed, .unavailable), (.invalidConfiguration, .internalError),
        ] as [(PoolError.Code, Failure)]
    )
    func poolError(code: PoolError.Code, failure: Failure) {
        #expect(Failure(PoolError(code, pool: "links")) == failure)
    }

    @Test("A cancelled request is 503, and an error of the program is 500")
    func otherErrors() {
        struct Fault: Error {}
        #expect(Failure(CancellationError()) == .stopping)
        #expect(Failure(Fault()) == .internalError)
    }

    @Test(
        "Data that violates a constraint is 422, and its details are not in the response",
        arguments: TestDatabase.allCases,
        ["url TEXT NOT NULL CHECK (length(url) < 10)", "url TEXT NOT NULL, owner TEXT NOT NULL"]
    )
    func violatedConstraint(database: TestDatabase, columns: String) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            _ = try await service.url()
            try await database.execute("DROP TABLE link", in: path)
            try await database.execute("CREATE TABLE link (code TEXT, hits BIGINT, \(columns))", in: path)
            let answer = try await service.request("POST", "/links", #"{"url":"https://example.com"}"#)
            #expect(answer.status == 422)
            #expect(answer.message == #"{"error":{"message":"the database does not accept the data"}}"#)
        }
    }

    @Test("A missing privilege is 403, and its details are in the log only")
    func missingPrivilege() async throws {
        try await TestDatabase.postgres.withDatabase { database in
            try await TestDatabase.withRole(of: database) { administrator, _, ownDatabase in
                let service = try RunningService(database: ownDatabase)
                _ = try await service.url()
                try await administrator.execute("ALTER TABLE link OWNER TO CURRENT_USER")
                let answer = try await service.request("POST", "/links", #"{"url":"https://example.com"}"#)
                #expect(answer.status == 403)
                #expect(answer.message == #"{"error":{"message":"the database does not permit the request"}}"#)
                try await service.waitForLog("42501")
                service.terminate()
                #expect(try await service.exitCode() == 0)
            }
        }
    }

    @Test("A serialization failure is 409 with Retry-After")
    func serializationFailure() async throws {
        try await TestDatabase.postgres.withDatabase { database in
            // Reports that the transaction conflicts with another one.
            try await TestDatabase.postgres.execute(
                """
                CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN RAISE EXCEPTION USING ERRCODE = ''serialization_failure''; END'
                """,
                in: database
            )
            let service = try RunningService(database: database)
            _ = try await service.url()
            try await TestDatabase.postgres.execute(
                "CREATE TRIGGER conflict BEFORE INSERT ON link EXECUTE FUNCTION conflict()",
                in: database
            )
            let answer = try await service.request("POST", "/links", #"{"url":"https://example.com"}"#)
            #expect(answer.status == 409)
            #expect(answer.headers["retry-after"] == "1")
        }
    }
}

extension HTTPAnswer {
    /// The body as text.
    fileprivate var message: String { String(decoding: body, as: UTF8.self) }
}
