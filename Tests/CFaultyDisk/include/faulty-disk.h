// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include <stdint.h>

// A disk for SQLite that forgets unsynchronized data and can be full. It is a VFS with its own
// name. Files have their usual
// paths; beside each, a file with the suffix "-durable" contains what a power loss would leave of
// it.
//
// Creating and removing files is immediate and durable; names are never lost. All changes between
// two synchronizations of a
// file may reach the disk or not, sector by sector and in any order.

typedef struct faulty_disk faulty_disk;

// Registers a disk as the VFS `name`, which is copied. Returns NULL on failure.
faulty_disk *faulty_disk_create(const char *name, uint64_t seed);

// Unregisters the disk. None of its files may be open.
void faulty_disk_destroy(faulty_disk *disk);

// Makes the power fail at the `operations`th write, truncation or synchronization from now on. No
// later operation succeeds.
void faulty_disk_cut_after(faulty_disk *disk, int64_t operations);

// Makes only the `operations`th write, truncation or synchronization from now on fail.
void faulty_disk_fail_after(faulty_disk *disk, int64_t operations);

// Returns whether the power has failed.
int faulty_disk_is_cut(faulty_disk *disk);

// Returns whether the power failed between the beginning of a checkpoint's copy and its
// synchronization.
int faulty_disk_was_cut_in_checkpoint(faulty_disk *disk);

// Returns the number of writes, truncations and synchronizations.
int64_t faulty_disk_operations(faulty_disk *disk);

// Limits the bytes by which the files of the disk may grow together from now on; a negative number
// is no limit.
void faulty_disk_limit(faulty_disk *disk, int64_t bytes);

#endif
