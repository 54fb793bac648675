// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import LinkService
import PostgresPooling
import Testing

@Suite struct LinkTests {
    @Test("A link is created, resolved and listed, and each hit is counted", arguments: TestDatabase.allCases)
    func link(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            let created = try await service.request("POST", "/links", #"{"url":"https://example.com/a?b=c"}"#)
            #expect(created.status == 201)
            let link = try created.decode(as: Link.self)
            #expect(link.code.count == 8)
            #expect(created.headers["location"] == "/links/\(link.code)")
            for _ in 0..<3 {
                let resolved = try await service.request("GET", "/links/\(link.code)")
                #expect(resolved.status == 302)
                #expect(resolved.headers["location"] == "https://example.com/a?b=c")
            }
            let listed = try await service.request("GET", "/links")
            #expect(listed.status == 200)
            #expect(try listed.decode() == [Link(code: link.code, url: "https://example.com/a?b=c", hits: 3)])
        }
    }

    @Test("The list has the newest 50 links in descending order", arguments: TestDatabase.allCases)
    func newest(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            for number in 0..<52 {
                let body = #"{"url":"https://example.com/\#(number)","code":"c\#(number)"}"#
                #expect(try await service.request("POST", "/links", body).status == 201)
            }
            let links: [Link] = try await service.request("GET", "/links").decode()
            #expect(links.map(\.code) == (2..<52).reversed().map { "c\($0)" })
        }
    }

    @Test("Each error has its status, and no detail of the database", arguments: TestDatabase.allCases)
    func failures(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            #expect(try await service.request("GET", "/links/unknown").status == 404)
            #expect(try await service.request("GET", "/nowhere").status == 404)
            #expect(try await service.request("POST", "/links", "{").status == 400)
            for url in ["", "example.com", "ftp://example.com", "https://", "https://example.com/a b", "javascript:0"] {
                #expect(try await service.request("POST", "/links", #"{"url":"\#(url)"}"#).status == 400, "\(url)")
            }
            for code in ["", "a/b", "ä", String(repeating: "a", count: 33)] {
                let body = #"{"url":"https://example.com","code":"\#(code)"}"#
                #expect(try await service.request("POST", "/links", body).status == 400, "\(code)")
            }
            let body = #"{"url":"https://example.com","code":"swift"}"#
            #expect(try await service.request("POST", "/links", body).status == 201)
            let conflict = try await service.request("POST", "/links", body)
            #expect(conflict.status == 409)
            #expect(String(decoding: conflict.body, as: UTF8.self) == #"{"error":{"message":"the code is taken"}}"#)
        }
    }

    @Test("An internal error is 500, and its details are in the log only", arguments: TestDatabase.allCases)
    func internalError(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            _ = try await service.url()
            try await database.execute("DROP TABLE link", in: path)
            let answer = try await service.request("GET", "/links")
            #expect(answer.status == 500)
            #expect(String(decoding: answer.body, as: UTF8.self) == #"{"error":{"message":"internal error"}}"#)
            try await service.waitForLog("SELECT code, url, hits FROM link")
        }
    }

    @Test("A request to a service with a full queue is 503 with Retry-After", arguments: TestDatabase.allCases)
    func overload(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(
                database: path,
                ["LINKS_POOL_MAXIMUM_CONNECTIONS": "1", "LINKS_POOL_MAXIMUM_WAITERS": "1"]
            )
            _ = try await service.request("POST", "/links", #"{"url":"https://example.com","code":"swift"}"#)
            try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                try await database.whileLocked(path) {
                    // The first request has the only writing connection until the lock is
                    // released, and the second waits.
                    for _ in 0..<3 { group.addTask { try await service.request("GET", "/links/swift") } }
                    let refused = try await group.next()
                    #expect(refused?.status == 503)
                    #expect(refused?.headers["retry-after"] == "1")
                }
                for _ in 0..<2 { #expect(try await group.next()?.status == 302) }
            }
        }
    }

    @Test("An invalid setting ends the service with a message")
    func wrongSetting() async throws {
        for (name, value) in [
            ("LINKS_PORT", "many"), ("LINKS_LOG_LEVEL", "loud"), ("LINKS_POOL_MAXIMUM_CONNECTIONS", "0"),
        ] {
            let service = try RunningService(database: ":memory:", [name: value])
            #expect(try await service.exitCode() == 1)
            try await service.waitForLog(name == "LINKS_POOL_MAXIMUM_CONNECTIONS" ? "maximumConnections" : name)
        }
    }
}
