// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CSQLiteBaseline.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(sqlite3 *db, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  fprintf(stderr, "SQLite: %s\n", db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  abort();
}

static sqlite3 *open_database(const char *path) {
  sqlite3 *db = NULL;
  check(db, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
  check(db, sqlite3_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192", NULL, NULL, NULL));
  return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *statement = NULL;
  check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
  return statement;
}

static uint32_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 33);
}

int32_t sqlite_baseline_make(const char *path, int32_t rows) {
  sqlite3 *db = open_database(path);
  char sql[512];
  snprintf(sql, sizeof sql,
           "PRAGMA journal_mode = WAL;"
           "CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL, visits INTEGER NOT NULL);"
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
           "INSERT INTO user SELECT i, 'user number ' || i, 0 FROM n;"
           "PRAGMA wal_checkpoint(TRUNCATE);",
           rows);
  int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
  sqlite3_close(db);
  return code;
}

double sqlite_baseline_read(const char *path, int32_t rows, int32_t count, bool snapshot) {
  sqlite3 *db = open_database(path);
  sqlite3_stmt *begin = prepare(db, "BEGIN");
  sqlite3_stmt *commit = prepare(db, "COMMIT");
  sqlite3_stmt *select = prepare(db, "SELECT name FROM user WHERE id = ?");
  uint64_t random = 88172645463325252u;
  double start = 0;
  // The first iterations fill the cache.
  for (int32_t i = -count / 4; i < count; i++) {
    if (i == 0) start = now();
    if (snapshot) {
      check(db, sqlite3_step(begin));
      sqlite3_reset(begin);
    }
    sqlite3_bind_int64(select, 1, (int64_t)(next_random(&random) % (uint32_t)rows) + 1);
    check(db, sqlite3_step(select));
    if (sqlite3_column_text(select, 0) == NULL) abort();
    sqlite3_reset(select);
    if (snapshot) {
      check(db, sqlite3_step(commit));
      sqlite3_reset(commit);
    }
  }
  double elapsed = now() - start;
  sqlite3_finalize(begin);
  sqlite3_finalize(select);
  sqlite3_finalize(commit);
  sqlite3_close(db);
  return elapsed / count;
}

static void run(sqlite3 *db, sqlite3_stmt *statement) {
  check(db, sqlite3_step(statement));
  sqlite3_reset(statement);
}

double sqlite_baseline_group_write(const char *path, int32_t rows, int32_t count, int32_t group) {
  sqlite3 *db = open_database(path);
  // As rarely as the pool makes checkpoints; otherwise this would not be its upper bound.
  sqlite3_wal_autocheckpoint(db, 4000);
  sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE");
  sqlite3_stmt *save = prepare(db, "SAVEPOINT one");
  sqlite3_stmt *update = prepare(db, "UPDATE user SET visits = visits + 1 WHERE id = ?");
  sqlite3_stmt *release = prepare(db, "RELEASE one");
  sqlite3_stmt *commit = prepare(db, "COMMIT");
  uint64_t random = 88172645463325252u;
  double start = now();
  for (int32_t done = 0; done < count; done += group) {
    run(db, begin);
    for (int32_t i = 0; i < group; i++) {
      run(db, save);
      sqlite3_bind_int64(update, 1, (int64_t)(next_random(&random) % (uint32_t)rows) + 1);
      run(db, update);
      run(db, release);
    }
    run(db, commit);
  }
  double elapsed = now() - start;
  sqlite3_stmt *all[] = {begin, save, update, release, commit};
  for (int i = 0; i < 5; i++) sqlite3_finalize(all[i]);
  sqlite3_close(db);
  return count / elapsed * 1e9;
}

double sqlite_baseline_write(const char *path, int32_t rows, int32_t count) {
  sqlite3 *db = open_database(path);
  sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE");
  sqlite3_stmt *update = prepare(db, "UPDATE user SET visits = visits + 1 WHERE id = ?");
  sqlite3_stmt *commit = prepare(db, "COMMIT");
  uint64_t random = 88172645463325252u;
  double start = now();
  for (int32_t i = 0; i < count; i++) {
    run(db, begin);
    sqlite3_bind_int64(update, 1, (int64_t)(next_random(&random) % (uint32_t)rows) + 1);
    run(db, update);
    run(db, commit);
  }
  double elapsed = now() - start;
  sqlite3_finalize(begin);
  sqlite3_finalize(update);
  sqlite3_finalize(commit);
  sqlite3_close(db);
  return count / elapsed * 1e9;
}

double sqlite_baseline_script(const char *path, const char *script) {
  sqlite3 *db = open_database(path);
  sqlite3_exec(db, "DROP TABLE IF EXISTS script; CREATE TABLE script (id INTEGER PRIMARY KEY, text TEXT)", 0, 0, 0);
  sqlite3_exec(db, "BEGIN IMMEDIATE", 0, 0, 0);
  double start = now();
  sqlite3_exec(db, script, 0, 0, 0);
  double elapsed = now() - start;
  sqlite3_exec(db, "COMMIT", 0, 0, 0);
  sqlite3_close(db);
  return elapsed;
}
