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

// Functions that Swift cannot call: variadic functions, casting macros, and what Swift's C modules
// hide.

// Binds text, which SQLite copies. An empty Swift string may have no address, and a null pointer
// would bind NULL.
static inline int clockpool_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 size) {
  return sqlite3_bind_text64(statement, index, text ? text : "", size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

// Binds a blob, which SQLite copies. A blob without an address would be NULL.
static inline int clockpool_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 size) {
  if (size == 0) return sqlite3_bind_zeroblob(statement, index, 0);
  return sqlite3_bind_blob64(statement, index, bytes, size, SQLITE_TRANSIENT);
}

// Sets a text as the result of a function or a column, which SQLite copies.
static inline void clockpool_sqlite_result_text(sqlite3_context *context, const char *text, sqlite3_uint64 size) {
  sqlite3_result_text64(context, text ? text : "", size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

// Sets a blob as the result of a function or a column, which SQLite copies.
static inline void clockpool_sqlite_result_blob(sqlite3_context *context, const void *bytes, sqlite3_uint64 size) {
  if (size == 0) {
    sqlite3_result_zeroblob(context, 0);
  } else {
    sqlite3_result_blob64(context, bytes, size, SQLITE_TRANSIENT);
  }
}

// The type of a list's pointer. SQLite keeps its address and compares the characters.
#define CLOCKPOOL_SQLITE_LIST "swift-lock-pool list"

// Binds a list, which is NULL for every function but the following one. SQLite calls the
// destructor in every case.
static inline int clockpool_sqlite_bind_list(sqlite3_stmt *statement, int index, void *list, void (*destructor)(void *)) {
  return sqlite3_bind_pointer(statement, index, list, CLOCKPOOL_SQLITE_LIST, destructor);
}

// Returns the list that a value is, or a null pointer.
static inline void *clockpool_sqlite_list(sqlite3_value *value) {
  return sqlite3_value_pointer(value, CLOCKPOOL_SQLITE_LIST);
}

// Keeps views and triggers of a file from using a virtual table.
static inline int clockpool_sqlite_make_direct_only(sqlite3 *database) {
  return sqlite3_vtab_config(database, SQLITE_VTAB_DIRECTONLY);
}

// Sets the message of an error of a virtual table.
static inline void clockpool_sqlite_set_table_error(sqlite3_vtab *table, const char *message) {
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = sqlite3_mprintf("%s", message);
}

// Loads an extension. Apple's SQLite cannot.
static inline int clockpool_sqlite_load_extension(sqlite3 *database, const char *path, const char *entry, char **message) {
#if defined(__APPLE__)
  (void)database, (void)path, (void)entry, (void)message;
  return SQLITE_ERROR;
#else
  return sqlite3_load_extension(database, path, entry, message);
#endif
}

// Sets whether SQLite counts the memory that it uses. Fails once SQLite has been initialized.
static inline int clockpool_sqlite_set_memory_statistics(int on) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, on); }

// Turns off SQLite's fallback that reads an unknown name in double quotes as a string: a misspelt
// name is an error.
static inline int clockpool_sqlite_refuse_double_quoted_strings(sqlite3 *database) {
  int code = sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
  if (code != SQLITE_OK) return code;
  return sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
}

// Turns a connection option, SQLITE_DBCONFIG_..., on or off.
static inline int clockpool_sqlite_set_option(sqlite3 *database, int option, int on) {
  return sqlite3_db_config(database, option, on, (int *)0);
}

// Reads whether a connection option is on. Fails for an option that this SQLite does not have.
static inline int clockpool_sqlite_option(sqlite3 *database, int option, int *on) {
  return sqlite3_db_config(database, option, -1, on);
}

#if defined(__linux__)
// Returns the type number of the file system that holds a file, or 0 if the file does not exist.
static inline unsigned int clockpool_sqlite_file_system_type(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 ? (unsigned int)status.f_type : 0;
}
#endif

// Returns the byte offset in the statement that the last error refers to, or -1. SQLite 3.38 and
// later report it.
static inline int clockpool_sqlite_error_offset(sqlite3 *database) {
#if SQLITE_VERSION_NUMBER >= 3038000
  return sqlite3_error_offset(database);
#else
  (void)database;
  return -1;
#endif
}

#endif
