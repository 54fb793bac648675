// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct TransactionScannerTests {
    @Test(
        "Statements that end a transaction are found at the beginning of statements",
        arguments: [
            ("COMMIT", true), (" commit and chain", true), ("/* a /* b */ c */ -- d\n end", true), ("ABORT", true),
            ("ROLLBACK", true), ("ROLLBACK WORK AND CHAIN", true), ("ROLLBACK TO a", false),
            ("rollback/**/transaction to a", false),
            ("ROLLBACK TO a; ROLLBACK", true), ("PREPARE TRANSACTION 'x'", true), ("PREPARE p AS SELECT 1", false),
            ("SELECT 1; COMMIT", true), ("SELECT '; COMMIT'", false), ("SELECT \"; COMMIT\"", false),
            ("SELECT $a$; COMMIT$a$", false),
            ("SELECT $1; COMMIT", true), ("SELECT E'\\'; COMMIT'", false), ("SELECT ''';'; COMMIT", true),
            ("-- COMMIT", false),
            ("SELECT 1 -- ; COMMIT", false), ("SELECT CASE WHEN a THEN b END", false), ("", false), ("'", false),
            ("/*", false),
            ("$a$", false), ("SELECT $", false), (";;", false),
            // A doubled quote does not end a string, nor the meaning of its escapes.
            ("SELECT E'it''s \\' x'; ROLLBACK", true), ("SELECT E'it''s \\'; ROLLBACK'", false),
            ("SELECT E'a'\n'\\'; ROLLBACK", false), ("SELECT e'\\\\'; ROLLBACK", true),
            // The `e` of a name is no prefix of a string.
            ("SELECT name'a\\'; ROLLBACK", true), ("SELECT date'a\\'; ROLLBACK TO a", false),
            ("SELECT a$b$; ROLLBACK", true), ("-- a\rROLLBACK", true), ("SELECT U&'\\'; ROLLBACK", true),
        ]
    )
    func ends(_ sql: String, _ ends: Bool) {
        #expect(TransactionScanner.mayEndTransaction(sql) == ends, "\(sql)")
    }

    @Test(
        "A statement is read-only if it begins as a query and contains no keyword of a change",
        arguments: [
            ("SELECT 1", true), ("(SELECT 1)", false), ("VALUES (1)", true), ("TABLE t", true),
            ("with a AS (SELECT 1) SELECT * FROM a", true),
            ("WITH a AS (DELETE FROM t RETURNING n) SELECT * FROM a", false), ("SELECT * FROM t FOR UPDATE", false),
            ("SELECT 'update', \"delete\", updated_at FROM t", true), ("INSERT INTO t VALUES (1) RETURNING n", false),
            ("SELECT 1 INTO t", false), ("CALL p()", false), ("", false),
            ("SELECT insert_time, get_into(a) FROM t", true),
            ("WITH a AS (SELECT E'it''s \\' x'), b AS (DELETE FROM t RETURNING n) SELECT 1", false),
            ("WITH a AS (SELECT name'\\'), b AS (DELETE FROM t RETURNING n) SELECT ''", false),
        ]
    )
    func reads(_ sql: String, _ reads: Bool) {
        #expect(TransactionScanner.onlyReads(sql) == reads, "\(sql)")
    }

    @Test(
        "A text may commit a part if a transaction ends before its last statement, or a statement has its own",
        arguments: [
            ("INSERT INTO t VALUES (1); COMMIT", false, false),
            ("INSERT INTO t VALUES (1); COMMIT; -- end", false, false),
            ("INSERT INTO t VALUES (1); COMMIT; SELECT 1", true, true), (";;", false, false), ("", false, false),
            ("SELECT 1; SELECT 2", false, false), ("BEGIN; INSERT INTO t VALUES (1); END;\n;SELECT 1", true, true),
            ("SELECT '; COMMIT; '", false, false), ("ROLLBACK TO a; SELECT 1", false, false),
            ("/* a */ call p()", true, false), ("DO $$BEGIN COMMIT; END$$", true, false), ("vacuum t", true, false),
            ("CREATE INDEX /* a */ Concurrently i ON t (a)", true, false), ("CREATE INDEX i ON t (a)", false, false),
            ("DROP TABLE t; SELECT concurrently FROM u", false, false),
            ("ALTER TABLE \"concurrently\" ADD a int", false, false),
            ("INSERT INTO t VALUES (E'it''s \\' x'); COMMIT; SELECT 1", true, true),
            ("REINDEX_ALL; CREATE INDEX ON t_concurrently (a)", false, false),
        ]
    )
    func commitsPart(_ sql: String, _ outside: Bool, _ inTransaction: Bool) {
        #expect(TransactionScanner.mayCommitPart(sql, hasBegun: true) == outside, "\(sql)")
        #expect(TransactionScanner.mayCommitPart(sql, hasBegun: false) == inTransaction, "\(sql)")
    }

    @Test(
        "Only a procedure or a block of code may commit within a statement",
        arguments: [
            ("CALL p()", true), ("/* a */ call p($1)", true), ("DO $$ BEGIN END $$", true), ("SELECT call()", false),
            ("INSERT INTO call VALUES (1)", false), ("DOMAIN", false), ("", false),
        ]
    )
    func commits(_ sql: String, _ commits: Bool) {
        #expect(TransactionScanner.mayCommitWithin(sql) == commits, "\(sql)")
    }

    @Test(
        "Statements that cannot be rolled back are committed alone, as are those that may commit by themselves",
        arguments: [
            ("CREATE DATABASE a", true), ("; /* a */ drop Database a", true),
            ("CREATE TABLESPACE a LOCATION 'b'", true),
            ("DROP SUBSCRIPTION a", true), ("ALTER SUBSCRIPTION a REFRESH PUBLICATION", true),
            ("ALTER SYSTEM SET a = 1", true), ("ALTER DATABASE a SET TABLESPACE b", true), ("DISCARD ALL", true),
            ("VACUUM", true), ("CALL p()", true),
            ("ALTER DATABASE a SET b = 1", false), ("CREATE TABLE database (a int)", false), ("DISCARD TEMP", false),
            ("CREATE TABLE a (b int) TABLESPACE c", false), ("INSERT INTO system VALUES (1)", false), ("", false),
        ]
    )
    func commitsAlone(_ sql: String, _ commits: Bool) {
        #expect(TransactionScanner.commitsAlone(sql) == commits, "\(sql)")
    }

    @Test(
        "COPY from the client is recognized",
        arguments: [
            ("COPY t FROM STDIN", true),
            ("; -- comment\n copy \"from\" (a, \"stdin\") From /* here */ stdin (FORMAT csv)", true),
            ("COPY t FROM '/stdin'", false),
            ("COPY t FROM PROGRAM 'stdin' WHERE a IS DISTINCT FROM stdin", false),
            ("COPY (SELECT * FROM stdin) TO STDOUT", false),
            ("COPY (INSERT INTO t SELECT * FROM stdin RETURNING a) TO PROGRAM 'cat'", false),
            ("SELECT * FROM stdin", false),
            ("COPY t", false),
            ("", false),
        ]
    )
    func copyFromClient(_ sql: String, _ isIt: Bool) {
        #expect(TransactionScanner.isCopyFromClient(sql) == isIt, "\(sql)")
    }
}
