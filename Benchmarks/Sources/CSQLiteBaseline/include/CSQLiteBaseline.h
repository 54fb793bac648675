// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CSQLITEBASELINE_H
#define CSQLITEBASELINE_H

#include <stdbool.h>
#include <stdint.h>

// Makes a database with a write-ahead log and a table user(id, name, visits) of `rows` rows.
// Returns 0 on success.
int32_t sqlite_baseline_make(const char *_Nonnull path, int32_t rows);

// Returns the nanoseconds for each of `count` point reads by primary key, with one prepared
// statement.
double sqlite_baseline_read(const char *_Nonnull path, int32_t rows, int32_t count, bool snapshot);

// Returns one-row update transactions per second, in a loop of `count` with prepared statements
// and synchronous=NORMAL.
double sqlite_baseline_write(const char *_Nonnull path, int32_t rows, int32_t count);

// Does the same with transactions of `group` updates, each in a savepoint.
double sqlite_baseline_group_write(const char *_Nonnull path, int32_t rows, int32_t count, int32_t group);

// Returns the nanoseconds for a script of inserts into a new table script(id, text), in one
// transaction.
double sqlite_baseline_script(const char *_Nonnull path, const char *_Nonnull script);

#endif
