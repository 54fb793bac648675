// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

extension UntrustedFileTests {
    @Test(
        "A configuration that weakens the protection of an untrusted file, or has a limit out of its range, is invalid"
    )
    func validation() throws {
        func refused(_ change: (inout SQLiteConfiguration) -> Void) -> String {
            var configuration = Self.untrusted()
            change(&configuration)
            let error = #expect(throws: SQLiteError.self) { try configuration.validate() }
            #expect(error?.code == .invalidConfiguration)
            return error?.message ?? ""
        }
        #expect(refused { $0.mmapSizeBytes = 1 }.hasPrefix("mmapSizeBytes"))
        #expect(refused { $0.isDefensive = false }.hasPrefix("isDefensive"))
        #expect(refused { $0.pragmas = [SQLiteConfiguration.Pragma("Trusted_Schema", 1)] }.hasPrefix("pragmas"))
        #expect(refused { $0.maximumWritesPerCommit = 2 }.hasPrefix("maximumWritesPerCommit"))
        #expect(refused { $0.limits.steps = 999 }.hasPrefix("limits.steps"))
        #expect(refused { $0.limits.columns = 0 }.hasPrefix("limits.columns"))
        try Self.untrusted().validate()
    }

    @Test("The limits apply to the connection, with the defaults of SQLite or of an untrusted file")
    func limits() async throws {
        var configuration = SQLiteConfiguration()
        configuration.limits.parameters = 2
        configuration.limits.patternBytes = 3
        try await withPool(configuration) { pool in
            let parameters = try await sqliteError { _ = try await pool.query("SELECT \(1), \(2), \(3)", as: Int.self) }
            #expect(parameters.code == .error && parameters.message.contains("too many SQL variables"))
            let pattern = try await sqliteError { _ = try await pool.query("SELECT 'a' LIKE 'abcd'", as: Int.self) }
            #expect(pattern.message == "LIKE or GLOB pattern too complex")
            #expect(try await pool.query("SELECT length(zeroblob(500000000))", as: Int.self) == [500_000_000])
        }
        let limits = configuration.limits.completed(by: .untrusted)
        #expect(limits.parameters == 2 && limits.patternBytes == 3 && limits.columns == 100)
    }
}
