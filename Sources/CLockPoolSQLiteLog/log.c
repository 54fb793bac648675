// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CLockPoolSQLiteLog.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// The log is a header of 32 bytes, and frames: a header of 24 bytes, and a page. In a frame's header the second four bytes are not
// zero if the frame is the last of a commit. https://www.sqlite.org/fileformat2.html#the_write_ahead_log
//
// SQLite's files stay what they are; only the tables of their functions are exchanged for ours, which call those they stand for.
// That is for SQLite's own file systems alone: others may know a frame by the sizes of the writes, to encrypt its page for example.

enum {
  log_header = 32,
  frame_header = 24,
  // Of pages of the usual size. SQLite's file system for Unix writes no more than 128 KiB at a time.
  capacity = 24 * (frame_header + 4096),
  // Which of its locks a connection has while it writes into the log.
  // https://www.sqlite.org/walformat.html#wal_locks
  write_lock = 0,
};

typedef struct gatherer {
  sqlite3_io_methods log_methods, database_methods;
  const sqlite3_io_methods *log_system, *database_system;
  int references;

  int has_write_lock;
  int page;                // The size of the log's pages; 0 if it is not known.
  sqlite3_int64 end;       // Where the last frame that was written ends; 0 if that is not known.
  sqlite3_int64 header;    // Where the header was written that waits for its page; 0 if none does.
  int is_commit;           // Whether that page is a commit's last.
  sqlite3_int64 start;     // Where in the log the buffer's bytes belong.
  int length;              // How many there are.
  int failure;             // Why what SQLite takes for written is not; SQLITE_OK if it is.
  unsigned char buffer[capacity];
} gatherer;

static gatherer *of_log(sqlite3_file *file) {
  return (gatherer *)((char *)file->pMethods - offsetof(gatherer, log_methods));
}

static gatherer *of_database(sqlite3_file *file) {
  return (gatherer *)((char *)file->pMethods - offsetof(gatherer, database_methods));
}

static void release(gatherer *it) {
  if (--it->references == 0) free(it);
}

static void discard(gatherer *it) { it->length = 0, it->end = 0, it->header = 0; }

// The transaction must not go on, which may have been told of it by a read, and be committed all the same.
static int fail(gatherer *it, int code) {
  discard(it);
  return it->failure = code;
}

// Writes what has been gathered.
static int flush(gatherer *it, sqlite3_file *file) {
  if (it->length == 0) return it->failure;
  int length = it->length;
  it->length = 0;
  int code = it->log_system->xWrite(file, it->buffer, length, it->start);
  return code == SQLITE_OK ? code : fail(it, code);
}

static void gather(gatherer *it, const void *bytes, int count, sqlite3_int64 offset) {
  if (it->length == 0) it->start = offset;
  memcpy(it->buffer + it->length, bytes, (size_t)count);
  it->length += count;
}

// Reads the size of pages, which stays the same as long as somebody has the log open.
static void learn(gatherer *it, sqlite3_file *file) {
  unsigned char bytes[log_header];
  if (it->page != 0 || it->log_system->xRead(file, bytes, sizeof bytes, 0) != SQLITE_OK) return;
  unsigned size = (unsigned)bytes[8] << 24 | (unsigned)bytes[9] << 16 | (unsigned)bytes[10] << 8 | bytes[11];
  if (size >= 512 && size <= 65536) it->page = (int)size;
}

static int write_log(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  gatherer *it = of_log(file);
  if (it->failure != SQLITE_OK) return it->failure;
  int is_header = count == frame_header && offset >= log_header, is_page = 0;
  if (it->header != 0 && offset == it->header + frame_header) {
    learn(it, file);
    is_page = count == it->page;
  }

  // A header of a frame after the last one. One that is written once more, with another checksum, has its page before it.
  // Nothing is gathered in exclusive mode, where it is not known when others may write again.
  int is_next = it->end == offset && (it->length == 0 || it->start + it->length == offset);
  if (is_header && is_next && it->has_write_lock && frame_header + it->page <= capacity) {
    int code = it->length + frame_header + it->page > capacity ? flush(it, file) : SQLITE_OK;
    if (code != SQLITE_OK) return code;
    const unsigned char *header = bytes;
    it->header = offset;
    it->is_commit = (header[4] | header[5] | header[6] | header[7]) != 0;
    gather(it, bytes, count, offset);
    return SQLITE_OK;
  }

  if (is_page) {
    it->header = 0;
    it->end = offset + count;
    // Not where the header had to be written by itself.
    if (it->length > 0) {
      gather(it, bytes, count, offset);
      return it->is_commit ? flush(it, file) : SQLITE_OK;
    }
  } else {
    // After a header without its page, which SQLite may write in two parts, the next frame is written as SQLite does it.
    if (it->header != 0) it->end = 0;
    it->header = is_header ? offset : 0;
  }
  int code = flush(it, file);
  if (code != SQLITE_OK) return code;
  code = it->log_system->xWrite(file, bytes, count, offset);
  if (code != SQLITE_OK) discard(it);
  return code;
}

static int read_log(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  gatherer *it = of_log(file);
  int code = flush(it, file);
  return code == SQLITE_OK ? it->log_system->xRead(file, bytes, count, offset) : code;
}

static int truncate_log(sqlite3_file *file, sqlite3_int64 size) {
  gatherer *it = of_log(file);
  int code = flush(it, file);
  discard(it);
  return code == SQLITE_OK ? it->log_system->xTruncate(file, size) : code;
}

static int sync_log(sqlite3_file *file, int flags) {
  gatherer *it = of_log(file);
  int code = flush(it, file);
  return code == SQLITE_OK ? it->log_system->xSync(file, flags) : code;
}

static int size_log(sqlite3_file *file, sqlite3_int64 *size) {
  gatherer *it = of_log(file);
  int code = flush(it, file);
  return code == SQLITE_OK ? it->log_system->xFileSize(file, size) : code;
}

static int close_log(sqlite3_file *file) {
  gatherer *it = of_log(file);
  // What is left belongs to no commit.
  int code = it->log_system->xClose(file);
  release(it);
  return code;
}

static int lock_database(sqlite3_file *file, int first, int count, int flags) {
  gatherer *it = of_database(file);
  int is_write_lock = first <= write_lock && write_lock < first + count;
  if (is_write_lock && (flags & SQLITE_SHM_UNLOCK)) {
    // Before another connection writes into the log: what is left belongs to no commit.
    if (it->length > 0) discard(it);
    it->failure = SQLITE_OK;
    it->has_write_lock = 0;
  }
  int code = it->database_system->xShmLock(file, first, count, flags);
  if (is_write_lock && (flags & SQLITE_SHM_LOCK) && code == SQLITE_OK) it->has_write_lock = 1;
  return code;
}

static int close_database(sqlite3_file *file) {
  gatherer *it = of_database(file);
  int code = it->database_system->xClose(file);
  release(it);
  return code;
}

// Whether a file is on one of SQLite's own file systems for Unix. One that is put upon another says so in its name.
static int is_plain(sqlite3_file *file) {
  char *name = NULL;
  int code = file->pMethods->xFileControl(file, SQLITE_FCNTL_VFSNAME, &name);
  int is_plain = code == SQLITE_OK && name && strncmp(name, "unix", 4) == 0 && !strchr(name, '/');
  sqlite3_free(name);
  return is_plain;
}

int lockpool_sqlite_gather_log_writes(sqlite3 *database) {
  sqlite3_file *file = NULL, *log = NULL;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code != SQLITE_OK) return code;
  if (!file || !file->pMethods || file->pMethods->iVersion < 2 || !log || !log->pMethods) return SQLITE_NOTFOUND;
  if (file->pMethods->xShmLock == lock_database || log->pMethods->xWrite == write_log) return SQLITE_OK;
  if (!is_plain(file) || !is_plain(log)) return SQLITE_NOTFOUND;

  gatherer *it = calloc(1, sizeof *it);
  if (!it) return SQLITE_NOMEM;
  it->references = 2;
  it->log_system = log->pMethods;
  // A log has no shared memory and is not mapped.
  it->log_methods = (sqlite3_io_methods){
      .iVersion = 1,
      .xClose = close_log,
      .xRead = read_log,
      .xWrite = write_log,
      .xTruncate = truncate_log,
      .xSync = sync_log,
      .xFileSize = size_log,
      .xLock = log->pMethods->xLock,
      .xUnlock = log->pMethods->xUnlock,
      .xCheckReservedLock = log->pMethods->xCheckReservedLock,
      .xFileControl = log->pMethods->xFileControl,
      .xSectorSize = log->pMethods->xSectorSize,
      .xDeviceCharacteristics = log->pMethods->xDeviceCharacteristics,
  };
  it->database_system = file->pMethods;
  // A table of an older version is shorter, one of a newer version longer.
  int version = file->pMethods->iVersion < 3 ? 2 : 3;
  memcpy(&it->database_methods, file->pMethods, version < 3 ? offsetof(sqlite3_io_methods, xFetch) : sizeof it->database_methods);
  it->database_methods.iVersion = version;
  it->database_methods.xShmLock = lock_database;
  it->database_methods.xClose = close_database;
  log->pMethods = &it->log_methods;
  file->pMethods = &it->database_methods;
  return SQLITE_OK;
}
