// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
    import Foundation
    import TestSupport
    import Testing

    @testable import SQLitePooling

    @Suite(.timeLimit(.minutes(10))) struct ExtensionTests {
        /// An extension with a function, which the C compiler builds.
        private static func build(in folder: SampleFolder) async throws -> String {
            let source = """
                #include <sqlite3ext.h>
                SQLITE_EXTENSION_INIT1
                static void answer(sqlite3_context *context, int count, sqlite3_value **values) {
                  (void)count, (void)values;
                  sqlite3_result_int(context, 42);
                }
                static int refuse(void *context) { (void)context; return 1; }
                int sqlite3_answer_init(sqlite3 *database, char **message, const sqlite3_api_routines *api) {
                  (void)message;
                  SQLITE_EXTENSION_INIT2(api);
                  return sqlite3_create_function(database, "answer", 0, SQLITE_UTF8, 0, answer, 0, 0);
                }
                int sqlite3_hook_init(sqlite3 *database, char **message, const sqlite3_api_routines *api) {
                  (void)message;
                  SQLITE_EXTENSION_INIT2(api);
                  sqlite3_commit_hook(database, refuse, 0);
                  return SQLITE_OK;
                }
                int sqlite3_failing_init(sqlite3 *database, char **message, const sqlite3_api_routines *api) {
                  (void)database;
                  SQLITE_EXTENSION_INIT2(api);
                  *message = sqlite3_mprintf("no licence");
                  return SQLITE_ERROR;
                }
                """
            try source.write(toFile: folder.file("answer.c"), atomically: true, encoding: .utf8)
            let library = folder.file("answer.so")
            let (status, output) = try await ChildProcess.run(
                ["/usr/bin/env", "cc", "-shared", "-fPIC", "-o", library, folder.file("answer.c")]
            )
            try #require(status == 0, "\(output)")
            return library
        }

        private func configuration(_ extensions: SQLiteConfiguration.Extension...) -> SQLiteConfiguration {
            var configuration = SQLiteConfiguration.patient
            configuration.extensions = extensions
            return configuration
        }

        @Test("Each connection loads the configuration's extensions, and SQL can load none")
        func loading() async throws {
            let folder = try SampleFolder()
            let library = try await Self.build(in: folder)
            try await withPool(configuration(.init(library)), in: folder) { pool in
                #expect(try await pool.query("SELECT answer()", as: Int.self) == [42])
                #expect(try await pool.write { db in try db.query("SELECT answer()", as: Int.self) } == [42])
                let load = SQLiteQuery("SELECT load_extension(?1)", values: library)
                let refused = try await sqliteError { _ = try await pool.query(load, as: Int?.self) }
                #expect(refused.code == .error && refused.message == "not authorized")
            }
            try await withPool(in: folder) { pool in
                await #expect(throws: SQLiteError.self) { _ = try await pool.query("SELECT answer()", as: Int.self) }
            }
        }

        @Test("An extension is initialized by the named entry point, and cannot replace the pool's hooks")
        func entryPoint() async throws {
            let folder = try SampleFolder()
            let library = try await Self.build(in: folder)
            let hooked = configuration(.init(library, entryPoint: "sqlite3_hook_init"))
            try await withPool(hooked, in: folder) { pool in
                try await pool.executeScript("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
                #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            }
        }

        @Test("An extension that cannot be loaded fails the connection with the reason")
        func failures() async throws {
            let folder = try SampleFolder()
            let library = try await Self.build(in: folder)
            for (loaded, reason) in [
                (SQLiteConfiguration.Extension(folder.file("none")), "No such file"),
                (.init(library, entryPoint: "absent"), "absent"),
                (.init(library, entryPoint: "sqlite3_failing_init"), "no licence"),
            ] {
                try await withPool(configuration(loaded), in: folder) { pool in
                    let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
                    #expect(error.code == .invalidConfiguration && error.message.contains("extensions: cannot load"))
                    #expect(error.message.contains(reason), "\(error)")
                }
            }
        }

        @Test("A path that is not absolute, or that has a NUL character, is invalid")
        func paths() {
            for (path, code) in [
                ("answer.so", SQLiteError.Code.invalidConfiguration), ("", .invalidConfiguration),
                ("./answer.so", .invalidConfiguration), ("/tmp/", .invalidConfiguration), ("/tmp/a\0b", .nulCharacter),
            ] {
                let error = #expect(throws: SQLiteError.self) { try SQLitePool(configuration(.init(path))) }
                #expect(error?.code == code)
            }
        }
    }
#endif
