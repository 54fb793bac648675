// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLSQLITELOG_H
#define CLOCKPOOLSQLITELOG_H

typedef struct sqlite3 sqlite3;

// Has a connection write the pages of a commit into its write-ahead log at once, where SQLite makes two writes for each page: of
// a header of 24 bytes, and of the page. For a connection whose log is open; one that is not used by another thread meanwhile.
//
// What a commit has written is in the file when it returns, as without this. What was written before a commit, because there
// was no room for it in memory, may be there later, and is not if the transaction is rolled back.
//
// Returns a code of SQLite's: SQLITE_OK; SQLITE_NOTFOUND where there is no log, or it is not on a file system of SQLite's own;
// SQLITE_NOMEM. The connection works in any case.
int lockpool_sqlite_gather_log_writes(sqlite3 *database);

#endif
