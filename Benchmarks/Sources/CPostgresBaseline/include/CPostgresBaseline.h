// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CPOSTGRESBASELINE_H
#define CPOSTGRESBASELINE_H

// Reads all rows of a statement in single-row mode and binary format through libpq, blocking, and adds up the lengths of their
// first columns. Returns the number of rows, or -1.
long postgres_baseline_stream(const char *connection, const char *statement);

#if defined(__linux__)

// Selects by primary key on pgbench's tables, prepared, on up to 64 connections, with libpq and epoll and nothing else: the answers come to a
// thread that waits for all connections. Returns selects per second. With a worker, the next statement of a connection is sent
// by another thread, which is told of each answer; else by the same.
double postgres_baseline_selects(const char *url, int count, int accounts, double seconds, int has_worker);

// The same for callers that send by themselves. Each connection is one caller's at a time.
typedef struct postgres_selects postgres_selects;
postgres_selects *postgres_selects_open(const char *url, int count, int accounts);
// Begins to receive. `answered` is called on the thread that waits, with the connection whose answer is there.
void postgres_selects_start(postgres_selects *it, void (*answered)(void *context, int index), void *context);
void postgres_selects_send(postgres_selects *it, int index);
// From here on `answered` may be called. Returns 1 if the answer was there already: then it is not.
int postgres_selects_await(postgres_selects *it, int index);
void postgres_selects_finish(postgres_selects *it, int index);
void postgres_selects_close(postgres_selects *it);

#endif

#endif
