// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolPQ
import Foundation
import Testing

@testable import PostgresPooling

/// The meaning of URLs and keywords, and the invalid ones.
@Suite(.timeLimit(.minutes(10))) struct ConnectionStringTests {
    /// Parses a text with libpq; `nil` if libpq rejects it.
    private func libpq(_ text: String) -> [String: String]? {
        guard let options = unsafe PQconninfoParse(text, nil) else { return nil }
        defer { unsafe PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val, unsafe value.pointee != 0 {
                unsafe values[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return values
    }

    private func refusal(_ text: String) -> PostgresError? {
        do throws(PostgresError) {
            _ = try PostgresPool(text)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "Each form of a URL and of keywords has the same meaning as in libpq",
        arguments: [
            "postgres://", "postgresql://", "postgres://h", "postgres://h/", "postgres://h/d", "postgres://h:5433/d",
            "postgres://u@h/d", "postgres://u:p@h/d", "postgres://u:@h/d", "postgres://:p@h/d", "postgres://@h/d",
            "postgres://u:p%40s%2Fs%3Fw%3Ar%25d@h/d", "postgres://u:a:b@h/d", "postgres://u:p#w@h/d",
            "postgres://u%20v@h",
            "postgres://u@[::1]:5433/d", "postgres://[::1]/d", "postgres://[fe80::1%25eth0]/d", "postgres://[::1]",
            "postgres://h1,h2/d", "postgres://h1:1,h2:2/d", "postgres://h1:1,h2/d", "postgres://u:p@h1,[::1]:3,h3:4/d",
            "postgres:///d", "postgres:///d?host=/run/postgresql", "postgres://%2Frun%2Fpostgresql/d",
            "postgres://%2Frun%2Fpostgresql:5433/d", "postgres:///d?host=/run/postgresql&port=5433",
            "postgres://?host=h&dbname=d&user=u", "postgres:///?host=/a,/b&port=1,2", "postgres://h/d?",
            "postgres://h/d?sslmode=verify-full", "postgres://h/d?ssl=true", "postgres://h/d?sslmode=disable&",
            "postgres://h/d?options=-c%20search_path%3Dapp", "postgres://h/d?user=u@v", "postgres://h/d%2Fe",
            "postgres://h/d/e",
            "postgres://h/d%20e", "postgres://h/%C3%A9", "postgres://é/d", "postgres://h/d?application_name=a+b",
            "postgres://h/d?connect_timeout=10&target_session_attrs=any", "postgres://H.Example.Com/D",
            "postgres://h:/d",
            "", "   ", "host=h", "host = h  port= 5433 dbname =d", "host=h\nport=5433\tdbname=d", "host='h'",
            "password='a b'", "password='it\\'s'", "password=it\\'s", "password='a\\\\b'", "password=a\\\\b",
            "password=a\\ b",
            "password=''", "host=/run/postgresql dbname=d", "host=h1,h2 port=1,2", "host=h1,h2 hostaddr=,127.0.0.1",
            "host=a host=b", "password=a=b", "password='a=b c' host=h", "password=p@ss/word?x", "service=s",
            "password=é",
        ]
    )
    func forms(_ text: String) throws {
        let expected = try #require(libpq(text))
        let parameters = try ConnectParameters(parsing: text)
        #expect(parameters.values == expected)
        #expect(refusal(text) == nil)
    }

    @Test(
        "An ambiguous URL is rejected without revealing a part of its password",
        arguments: [
            "postgres://u:s3cret@w0rd@h/d", "postgres://u:s3cret/w0rd@h/d", "postgres://u:12/w0rd@h/d",
            "postgres://u:s3cret?w0rd@h/d",
            "postgres://u:12?s3cret=w0rd@h/d", "postgres://u:s3cret%w0rd@h/d", "postgres://u:s3cret%2@h/d",
            "postgres://u:s3cret w0rd@h/d",
            "postgres://u:s3cret@h:w0rd/d", "postgres://u:s3cret@[::1/d", "postgres://u:s3cret@h/d?w0rd",
            "postgres://u:s3cret@h/d?a=b=w0rd", "postgres://u:s3cret@h/d\n", "postgres://u:%00s3cret@h/d",
            "postgres://u:%FFs3cret@h",
            "postgres://h?user=s3cret@h2", "password=s3cret w0rd", "password=s3cret w0rd=x host=h",
            "password='s3cret w0rd",
            "s3cret", "mysql://u:s3cret@h/d", "postgres:u:s3cret@h/d", "host=h s3cret=w0rd", "POSTGRES://u:s3cret@h/d",
            "password=s3cret hotsname='h' host=w0rd", "postgres://u:s3cret@h:99999/d", "postgres://u:s3cret@h:0/d",
            "postgres://u:s3cret@h1,,h2/d", "postgres://u:s3cret@,/d", "host=h port=-1 password=s3cret",
            "password=s3cret port=5432x",
            "host=h1,h2,h3 port=1,2 password=s3cret", "host=h1,h2 hostaddr=127.0.0.1 password=s3cret",
        ]
    )
    func ambiguous(_ text: String) throws {
        let error = try #require(refusal(text))
        #expect(error.code == .invalidConfiguration)
        for shown in ["\(error)", String(reflecting: error), error.message] {
            #expect(!shown.contains("s3cret") && !shown.contains("w0rd"), "\(shown)")
        }
    }

    @Test(
        "A keyword or a value that libpq does not support is named when the pool is created",
        arguments: [
            ("postgres://h/d?schema=app", "“schema”"), ("postgres://h/d?sslmode=no-verify", "“sslmode”"),
            ("postgres://h/d?target_session_attrs=bogus", "“target_session_attrs”"), ("postgres://h:port/d", "“port”"),
            ("postgres://h/d?connect_timeout=soon", "“connect_timeout”"), ("postgres://h/d?ssl=1", "“ssl”"),
            ("postgres://h/d?require_auth=scram", "“require_auth”"),
            ("postgres://h/d?require_auth=!md5,password", "“require_auth”"),
            ("host=h hostname=x", "“hostname”"), ("host=h sslmode=on", "verify-full"),
            ("postgres://h,,g/d", "empty entry"),
            ("host=a,b,c port=1,2", "as many ports"),
            ("postgres://u:p@@h/d", "%40"),
            ("postgres://h/d?gssencmode=maybe", "“gssencmode”"), ("postgres://h/%zz", "database"),
        ]
    )
    func named(_ text: String, _ name: String) throws {
        let error = try #require(refusal(text))
        #expect(error.code == .invalidConfiguration && error.message.contains(name), "\(error.message)")
    }

    @Test("Further parameters are checked like those of the URL")
    func parameters() async {
        func message(_ keyword: String, _ value: String) async -> String? {
            var configuration = PostgresConfiguration("postgres://h/d")
            configuration.parameters[keyword] = value
            return await postgresFailure { [configuration] in try PostgresPool(configuration) }?.message
        }
        #expect(await message("sslmod", "require")?.contains("“sslmod”") == true)
        #expect(await message("port", "s3cret")?.contains("s3cret") == false)
        #expect(await message("sslmode", "verify_full")?.contains("“sslmode”") == true)
        #expect(await message("keepalives_idle", "10") == nil)
        #expect(await message("require_auth", "scram-sha-256") == nil)
    }

    @Test("A NUL character is rejected in parameters, in the application's name, and in a password")
    func nul() async throws {
        for change in [
            { $0.parameters["dbname"] = "shop\0x" }, { $0.parameters["password"] = "s3cret\0x" },
            { $0.applicationName = "web\0x" },
        ] as [(inout PostgresConfiguration) -> Void] {
            var configuration = PostgresConfiguration("postgres://h/d")
            change(&configuration)
            let error = await postgresFailure { [configuration] in try PostgresPool(configuration) }
            #expect(error?.code == .invalidConfiguration && error?.message.contains("NUL") == true)
            #expect(error.map { "\($0)" }?.contains("s3cret") == false)
        }
        let server = try await TestServer.shared
        let password = server.password
        try await server.withPool(.native, { $0.password = { password + "\0x" } }) { pool in
            let error = await postgresFailure { try await pool.execute("SELECT 1") }
            #expect(error?.code == .invalidConfiguration && error?.message.contains("NUL") == true)
        }
    }

    @Test("No text is accepted with another meaning than in libpq")
    func random() {
        var random = SystemRandomNumberGenerator()
        let parts = [
            "postgres://", "u", "p", ":", "@", "/", "?", "&", "=", "h", ",", "[::1]", "%40", "%2F", "%", "host", "port",
            "5432", "dbname",
            "password", "user", " ", "'", "\\", "\n", "é", "sslmode", "require", "ssl", "true", "[", "]", "1",
        ]
        var accepted = 0
        for _ in 0..<100_000 {
            var text = Bool.random() ? "postgres://" : ""
            for _ in 0..<Int.random(in: 1...9, using: &random) { text += parts.randomElement(using: &random)! }
            guard let values = try? ConnectParameters(parsing: text).values else { continue }
            accepted += 1
            #expect(values == libpq(text), "\(text.debugDescription)")
        }
        #expect(accepted > 1_000)
    }
}
