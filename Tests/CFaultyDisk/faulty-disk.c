// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "faulty-disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { sector = 512 };

// An unsynchronized write, or a truncation if it has no bytes.
typedef struct change {
  struct change *next;
  unsigned char *bytes;
  int count;
  sqlite3_int64 offset;
} change;

// A file, identified by its path: every handle to it changes the same bytes.
typedef struct node {
  struct node *next;
  char *path;
  int durable;
  sqlite3_int64 size;
  change *first, **last;
} node;

struct faulty_disk {
  sqlite3_vfs vfs;
  sqlite3_vfs *system;
  pthread_mutex_t mutex;
  node *nodes;
  uint64_t random;
  int64_t operations, cut_at, fail_at, limit;
  int is_cut;
  // Whether a checkpoint is copying pages, from the beginning of the copy to its synchronization.
  int is_in_checkpoint, was_cut_in_checkpoint;
};

typedef struct file {
  sqlite3_file base;
  faulty_disk *disk;
  node *node;  // NULL for temporary files, which do not survive a power loss.
  sqlite3_file *system;
  int flags;
} file;

static uint64_t next_random(faulty_disk *disk) {
  // splitmix64
  uint64_t z = (disk->random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// MARK: Durable contents

static void write_all(int descriptor, const unsigned char *bytes, int count, sqlite3_int64 offset) {
  while (count > 0) {
    ssize_t written = pwrite(descriptor, bytes, (size_t)count, offset);
    if (written <= 0) abort();
    bytes += written;
    count -= (int)written;
    offset += written;
  }
}

// Writes the changes of a file to the durable contents: all of them or, after a power loss, some.
static void settle(faulty_disk *disk, node *node, int is_complete) {
  for (change *it = node->first, *next; it; it = next) {
    next = it->next;
    if (!it->bytes) {
      if (is_complete || next_random(disk) % 2) {
        if (ftruncate(node->durable, it->offset)) abort();
      }
    } else if (is_complete) {
      write_all(node->durable, it->bytes, it->count, it->offset);
    } else {
      for (int start = 0; start < it->count;) {
        int count = sector - (int)((it->offset + start) % sector);
        if (count > it->count - start) count = it->count - start;
        if (next_random(disk) % 2) write_all(node->durable, it->bytes + start, count, it->offset + start);
        start += count;
      }
    }
    free(it->bytes);
    free(it);
  }
  node->first = NULL;
  node->last = &node->first;
}

static void cut(faulty_disk *disk) {
  disk->is_cut = 1;
  disk->was_cut_in_checkpoint = disk->is_in_checkpoint;
  for (node *it = disk->nodes; it; it = it->next) settle(disk, it, 0);
}

// Counts an operation. Returns whether it can be carried out.
static int can_do(faulty_disk *disk) {
  if (!disk->is_cut) {
    disk->operations += 1;
    if (disk->cut_at && disk->operations >= disk->cut_at) cut(disk);
  }
  return !disk->is_cut && disk->operations != disk->fail_at;
}

static void note(node *node, const void *bytes, int count, sqlite3_int64 offset) {
  change *it = calloc(1, sizeof *it);
  if (!it) abort();
  if (bytes) {
    it->bytes = malloc((size_t)count);
    if (!it->bytes) abort();
    memcpy(it->bytes, bytes, (size_t)count);
  }
  it->count = count;
  it->offset = offset;
  *node->last = it;
  node->last = &it->next;
}

static node *find(faulty_disk *disk, const char *path, int makes) {
  for (node *it = disk->nodes; it; it = it->next) {
    if (strcmp(it->path, path) == 0) return it;
  }
  if (!makes) return NULL;
  node *it = calloc(1, sizeof *it);
  char *name = sqlite3_mprintf("%s-durable", path);
  if (!it || !name) abort();
  it->path = strdup(path);
  it->durable = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (!it->path || it->durable < 0) abort();
  sqlite3_free(name);
  it->last = &it->first;
  it->next = disk->nodes;
  disk->nodes = it;
  return it;
}

static void forget(node *it) {
  for (change *change = it->first, *next; change; change = next) {
    next = change->next;
    free(change->bytes);
    free(change);
  }
  close(it->durable);
  free(it->path);
  free(it);
}

// MARK: Files

static int do_close(sqlite3_file *base) {
  file *it = (file *)base;
  int code = it->system->pMethods ? it->system->pMethods->xClose(it->system) : SQLITE_OK;
  free(it->system);
  return code;
}

static int do_read(sqlite3_file *base, void *bytes, int count, sqlite3_int64 offset) {
  file *it = (file *)base;
  if (faulty_disk_is_cut(it->disk)) return SQLITE_IOERR_READ;
  return it->system->pMethods->xRead(it->system, bytes, count, offset);
}

static int do_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
  file *it = (file *)base;
  if (!it->node) return it->system->pMethods->xWrite(it->system, bytes, count, offset);
  faulty_disk *disk = it->disk;
  pthread_mutex_lock(&disk->mutex);
  if (it->flags & SQLITE_OPEN_WAL) disk->is_in_checkpoint = 0;
  int code = can_do(disk) ? SQLITE_OK : SQLITE_IOERR_WRITE;
  if (code == SQLITE_OK && offset + count > it->node->size) {
    sqlite3_int64 growth = offset + count - it->node->size;
    if (disk->limit >= 0 && growth > disk->limit) {
      code = SQLITE_FULL;
    } else {
      if (disk->limit >= 0) disk->limit -= growth;
      it->node->size = offset + count;
    }
  }
  if (code == SQLITE_OK) code = it->system->pMethods->xWrite(it->system, bytes, count, offset);
  if (code == SQLITE_OK) note(it->node, bytes, count, offset);
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

static int do_truncate(sqlite3_file *base, sqlite3_int64 size) {
  file *it = (file *)base;
  if (!it->node) return it->system->pMethods->xTruncate(it->system, size);
  faulty_disk *disk = it->disk;
  pthread_mutex_lock(&disk->mutex);
  int code = can_do(disk) ? it->system->pMethods->xTruncate(it->system, size) : SQLITE_IOERR_TRUNCATE;
  if (code == SQLITE_OK) {
    note(it->node, NULL, 0, size);
    if (disk->limit >= 0 && it->node->size > size) disk->limit += it->node->size - size;
    it->node->size = size;
  }
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

static int do_sync(sqlite3_file *base, int flags) {
  (void)flags;
  file *it = (file *)base;
  if (!it->node) return SQLITE_OK;
  pthread_mutex_lock(&it->disk->mutex);
  int code = can_do(it->disk) ? SQLITE_OK : SQLITE_IOERR_FSYNC;
  // The system's own synchronization would only cost time: the tests simulate all power losses.
  if (code == SQLITE_OK) settle(it->disk, it->node, 1);
  if (code == SQLITE_OK && it->flags & SQLITE_OPEN_MAIN_DB) it->disk->is_in_checkpoint = 0;
  pthread_mutex_unlock(&it->disk->mutex);
  return code;
}

static int do_size(sqlite3_file *base, sqlite3_int64 *size) {
  file *it = (file *)base;
  return it->system->pMethods->xFileSize(it->system, size);
}

static int do_lock(sqlite3_file *base, int kind) {
  file *it = (file *)base;
  return it->system->pMethods->xLock(it->system, kind);
}

static int do_unlock(sqlite3_file *base, int kind) {
  file *it = (file *)base;
  return it->system->pMethods->xUnlock(it->system, kind);
}

static int do_check_reserved(sqlite3_file *base, int *result) {
  file *it = (file *)base;
  return it->system->pMethods->xCheckReservedLock(it->system, result);
}

static int do_control(sqlite3_file *base, int operation, void *argument) {
  file *it = (file *)base;
  if (operation == SQLITE_FCNTL_CKPT_START) {
    pthread_mutex_lock(&it->disk->mutex);
    it->disk->is_in_checkpoint = 1;
    pthread_mutex_unlock(&it->disk->mutex);
  }
  // Preallocated space would not be recorded.
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE) return SQLITE_OK;
  return it->system->pMethods->xFileControl(it->system, operation, argument);
}

static int do_sector_size(sqlite3_file *base) {
  (void)base;
  return sector;
}

static int do_characteristics(sqlite3_file *base) {
  (void)base;
  // Neither atomic page writes nor an order of writes can be relied on.
  return 0;
}

static int do_map_index(sqlite3_file *base, int page, int size, int extends, void volatile **memory) {
  file *it = (file *)base;
  return it->system->pMethods->xShmMap(it->system, page, size, extends, memory);
}

static int do_lock_index(sqlite3_file *base, int offset, int count, int flags) {
  file *it = (file *)base;
  return it->system->pMethods->xShmLock(it->system, offset, count, flags);
}

static void do_index_barrier(sqlite3_file *base) {
  file *it = (file *)base;
  it->system->pMethods->xShmBarrier(it->system);
}

static int do_unmap_index(sqlite3_file *base, int removes) {
  file *it = (file *)base;
  return it->system->pMethods->xShmUnmap(it->system, removes);
}

// Version 2: without memory mapping, whose writes would be invisible.
static const sqlite3_io_methods methods = {
    2,         do_close,          do_read,    do_write,       do_truncate,        do_sync,      do_size,       do_lock,
    do_unlock, do_check_reserved, do_control, do_sector_size, do_characteristics, do_map_index, do_lock_index, do_index_barrier,
    do_unmap_index, 0, 0,
};

// MARK: The disk

static int do_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags) {
  faulty_disk *disk = vfs->pAppData;
  file *it = (file *)base;
  memset(it, 0, sizeof *it);
  it->system = calloc(1, (size_t)disk->system->szOsFile);
  if (!it->system) return SQLITE_NOMEM;
  it->disk = disk;
  it->flags = flags;
  int code = faulty_disk_is_cut(disk) ? SQLITE_CANTOPEN : SQLITE_OK;
  if (code == SQLITE_OK) code = disk->system->xOpen(disk->system, path, it->system, flags, out_flags);
  if (code != SQLITE_OK) {
    // SQLite closes a file only if it has methods.
    if (it->system->pMethods) it->system->pMethods->xClose(it->system);
    free(it->system);
    return code;
  }
  if (path && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) {
    pthread_mutex_lock(&disk->mutex);
    it->node = find(disk, path, 1);
    pthread_mutex_unlock(&disk->mutex);
  }
  base->pMethods = &methods;
  return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *path, int syncs_folder) {
  faulty_disk *disk = vfs->pAppData;
  pthread_mutex_lock(&disk->mutex);
  int code = can_do(disk) ? disk->system->xDelete(disk->system, path, syncs_folder) : SQLITE_IOERR_DELETE;
  if (code == SQLITE_OK) {
    for (node **it = &disk->nodes; *it; it = &(*it)->next) {
      if (strcmp((*it)->path, path)) continue;
      node *gone = *it;
      char *name = sqlite3_mprintf("%s-durable", path);
      if (!name) abort();
      *it = gone->next;
      unlink(name);
      sqlite3_free(name);
      if (disk->limit >= 0) disk->limit += gone->size;
      forget(gone);
      break;
    }
  }
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

static int do_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
  faulty_disk *disk = vfs->pAppData;
  return disk->system->xAccess(disk->system, path, flags, result);
}

static int do_full_path(sqlite3_vfs *vfs, const char *path, int size, char *result) {
  faulty_disk *disk = vfs->pAppData;
  return disk->system->xFullPathname(disk->system, path, size, result);
}

static int do_randomness(sqlite3_vfs *vfs, int size, char *bytes) {
  faulty_disk *disk = vfs->pAppData;
  return disk->system->xRandomness(disk->system, size, bytes);
}

static int do_sleep(sqlite3_vfs *vfs, int microseconds) {
  faulty_disk *disk = vfs->pAppData;
  return disk->system->xSleep(disk->system, microseconds);
}

static int do_time(sqlite3_vfs *vfs, double *time) {
  faulty_disk *disk = vfs->pAppData;
  return disk->system->xCurrentTime(disk->system, time);
}

static int do_last_error(sqlite3_vfs *vfs, int size, char *text) {
  (void)vfs, (void)size, (void)text;
  return 0;
}

faulty_disk *faulty_disk_create(const char *name, uint64_t seed) {
  sqlite3_vfs *system = sqlite3_vfs_find(NULL);
  faulty_disk *disk = calloc(1, sizeof *disk);
  if (!system || !disk) return NULL;
  disk->system = system;
  disk->random = seed;
  disk->limit = -1;
  pthread_mutex_init(&disk->mutex, NULL);
  disk->vfs.iVersion = 1;
  disk->vfs.szOsFile = sizeof(file);
  disk->vfs.mxPathname = system->mxPathname;
  disk->vfs.zName = strdup(name);
  disk->vfs.pAppData = disk;
  disk->vfs.xOpen = do_open;
  disk->vfs.xDelete = do_delete;
  disk->vfs.xAccess = do_access;
  disk->vfs.xFullPathname = do_full_path;
  disk->vfs.xRandomness = do_randomness;
  disk->vfs.xSleep = do_sleep;
  disk->vfs.xCurrentTime = do_time;
  disk->vfs.xGetLastError = do_last_error;
  if (sqlite3_vfs_register(&disk->vfs, 0) == SQLITE_OK) return disk;
  free((char *)disk->vfs.zName);
  free(disk);
  return NULL;
}

void faulty_disk_destroy(faulty_disk *disk) {
  sqlite3_vfs_unregister(&disk->vfs);
  for (node *it = disk->nodes, *next; it; it = next) {
    next = it->next;
    forget(it);
  }
  pthread_mutex_destroy(&disk->mutex);
  free((char *)disk->vfs.zName);
  free(disk);
}

void faulty_disk_cut_after(faulty_disk *disk, int64_t operations) {
  pthread_mutex_lock(&disk->mutex);
  disk->cut_at = disk->operations + operations;
  pthread_mutex_unlock(&disk->mutex);
}

void faulty_disk_fail_after(faulty_disk *disk, int64_t operations) {
  pthread_mutex_lock(&disk->mutex);
  disk->fail_at = disk->operations + operations;
  pthread_mutex_unlock(&disk->mutex);
}

int faulty_disk_is_cut(faulty_disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  int is_cut = disk->is_cut;
  pthread_mutex_unlock(&disk->mutex);
  return is_cut;
}

int faulty_disk_was_cut_in_checkpoint(faulty_disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  int was_cut = disk->was_cut_in_checkpoint;
  pthread_mutex_unlock(&disk->mutex);
  return was_cut;
}

int64_t faulty_disk_operations(faulty_disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  int64_t operations = disk->operations;
  pthread_mutex_unlock(&disk->mutex);
  return operations;
}

void faulty_disk_limit(faulty_disk *disk, int64_t bytes) {
  pthread_mutex_lock(&disk->mutex);
  disk->limit = bytes;
  pthread_mutex_unlock(&disk->mutex);
}
