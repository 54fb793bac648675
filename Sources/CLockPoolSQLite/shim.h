// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLSQLITE_H
#define CLOCKPOOLSQLITE_H

#include <sqlite3.h>
#include <stddef.h>
#if defined(__linux__)
#include <sys/vfs.h>
#endif

// What Swift cannot call: functions with a variable number of arguments, macros that cast, and what its C modules hide.

// SQLite copies the text, so that it may go as soon as this returns. An empty text has no address in Swift, which would
// bind NULL.
static inline int clockpool_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 size) {
  return sqlite3_bind_text64(statement, index, text ? text : "", size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

// As above; a blob without an address would be NULL.
static inline int clockpool_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 size) {
  if (size == 0) return sqlite3_bind_zeroblob(statement, index, 0);
  return sqlite3_bind_blob64(statement, index, bytes, size, SQLITE_TRANSIENT);
}

// Whether SQLite counts the memory that it uses. Fails where SQLite is in use already.
static inline int clockpool_sqlite_set_memory_statistics(int on) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, on); }

// Whether a text in double quotes that names nothing is taken for a string. Off: a misspelt name is an error.
static inline int clockpool_sqlite_refuse_double_quoted_strings(sqlite3 *database) {
  int code = sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
  if (code != SQLITE_OK) return code;
  return sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
}

// Turns an option of a connection, SQLITE_DBCONFIG_..., on or off.
static inline int clockpool_sqlite_set_option(sqlite3 *database, int option, int on) {
  return sqlite3_db_config(database, option, on, (int *)0);
}

#if defined(__linux__)
// The number of the type of the file system that a file is on, or 0 if there is no such file.
static inline unsigned int clockpool_sqlite_file_system_type(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 ? (unsigned int)status.f_type : 0;
}
#endif

// The byte of the statement that the last error is about, or -1. SQLite knows it since 3.38.
static inline int clockpool_sqlite_error_offset(sqlite3 *database) {
#if SQLITE_VERSION_NUMBER >= 3038000
  return sqlite3_error_offset(database);
#else
  (void)database;
  return -1;
#endif
}

#endif
