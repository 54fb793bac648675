// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include <stdint.h>

// A disk for SQLite that forgets what was not synchronized, and can run full. It is a VFS with a name of its own; files are
// where they would be without it, and beside each, with the ending "-durable", is what a loss of power would leave of it.
//
// Files are made and removed at once and for good; names are never lost. Everything between two synchronizations of a file may
// reach the disk or not, sector by sector and in any order.

typedef struct faulty_disk faulty_disk;

// Registers a disk as the VFS `name`, which is copied. NULL if that fails.
faulty_disk *faulty_disk_create(const char *name, uint64_t seed);

// Ends it. None of its files may be open.
void faulty_disk_destroy(faulty_disk *disk);

// Has the power fail at the `operations`th write, truncation or synchronization from now on: nothing gets through any more.
void faulty_disk_cut_after(faulty_disk *disk, int64_t operations);

// Has the `operations`th write, truncation or synchronization from now on fail, and nothing else.
void faulty_disk_fail_after(faulty_disk *disk, int64_t operations);

// Whether the power has failed.
int faulty_disk_is_cut(faulty_disk *disk);

// Whether the power failed between the beginning of a checkpoint's copy and its synchronization.
int faulty_disk_was_cut_in_checkpoint(faulty_disk *disk);

// How many writes, truncations and synchronizations there were.
int64_t faulty_disk_operations(faulty_disk *disk);

// How many bytes the files of the disk may have grown to together, from now on; a negative number is no limit.
void faulty_disk_limit(faulty_disk *disk, int64_t bytes);

#endif
