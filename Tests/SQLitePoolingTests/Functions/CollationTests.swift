// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct CollationTests {
    private func configuration(_ collations: SQLiteCollation...) -> SQLiteConfiguration {
        var configuration = SQLiteConfiguration.patient
        configuration.collations = collations
        return configuration
    }

    private static let byLength = SQLiteCollation("by_length") { one, other in
        let (count, otherCount) = (one.unicodeScalars.count, other.unicodeScalars.count)
        if count != otherCount { return count < otherCount ? .orderedAscending : .orderedDescending }
        return one == other ? .orderedSame : (one < other ? .orderedAscending : .orderedDescending)
    }

    @Test("A collation sorts, compares and keeps an index in order on all connections")
    func order() async throws {
        try await withPool(configuration(Self.byLength)) { pool in
            try await pool.executeScript(
                """
                CREATE TABLE t (s TEXT COLLATE by_length UNIQUE);
                INSERT INTO t VALUES ('ccc'), ('bb'), ('a'), (''), ('aa'), ('x' || char(0) || 'y' || char(0));
                """
            )
            let sorted = try await pool.query("SELECT s FROM t ORDER BY s", as: String.self)
            #expect(sorted == ["", "a", "aa", "bb", "ccc", "x\0y\0"])
            #expect(
                try await pool.query("SELECT s FROM t WHERE s > 'zz' ORDER BY s", as: String.self) == ["ccc", "x\0y\0"]
            )
            #expect(try await pool.query("SELECT 'aa' < 'b' COLLATE BY_LENGTH", as: Bool.self) == [false])
            let twice = try await sqliteError { try await pool.execute("INSERT INTO t VALUES ('bb')") }
            #expect(twice.code == .constraintUnique)
            #expect(try await pool.integrityCheck().isEmpty)
        }
    }

    @Test("Texts that are not UTF-8 have an order")
    func invalidText() async throws {
        try await withPool(configuration(Self.byLength)) { pool in
            try await pool.execute("CREATE TABLE t (s TEXT COLLATE by_length)")
            try await pool.execute("INSERT INTO t VALUES (CAST(x'ffff' AS TEXT)), ('a'), ('bbb')")
            let hex = try await pool.query("SELECT hex(s) FROM t ORDER BY s", as: String.self)
            #expect(hex == ["61", "FFFF", "626262"])
        }
    }

    @Test("A schema with a collation that the configuration lacks is an error that names it")
    func missing() async throws {
        let folder = try SampleFolder()
        try await withPool(configuration(Self.byLength), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (s TEXT COLLATE by_length)")
        }
        try await withPool(in: folder) { pool in
            let error = try await sqliteError {
                _ = try await pool.query("SELECT s FROM t ORDER BY s", as: String.self)
            }
            #expect(error.message == "no such collation sequence: by_length")
        }
    }

    @Test("A name that is taken or is not a word makes the configuration invalid")
    func names() {
        for name in ["", "binary", "NoCase", "rtrim", "a b", "by\0"] {
            let error = #expect(throws: SQLiteError.self) {
                try SQLitePool(configuration(SQLiteCollation(name) { _, _ in .orderedSame }))
            }
            #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("collations must") == true)
        }
        let twice = #expect(throws: SQLiteError.self) {
            try SQLitePool(configuration(Self.byLength, SQLiteCollation("BY_LENGTH") { _, _ in .orderedSame }))
        }
        #expect(twice?.code == .invalidConfiguration)
    }
}
