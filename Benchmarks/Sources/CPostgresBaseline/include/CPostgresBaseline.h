// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CPOSTGRESBASELINE_H
#define CPOSTGRESBASELINE_H

// Reads all rows of a statement in single-row mode and binary format through blocking libpq, and
// adds up the lengths of their first columns. Returns the number of rows, or -1.
long postgres_baseline_stream(const char *connection, const char *statement);

#if defined(__linux__)

// Prepared selects by primary key on pgbench's tables, on up to 64 connections, with libpq and
// epoll alone. One thread waits for the answers on all connections. Returns selects per second.
// With a worker, another thread sends the next statement of a connection after it was notified of
// an answer; otherwise the same thread does.
double postgres_baseline_selects(const char *url, int count, int accounts, double seconds, int has_worker);

// The same for callers that send statements themselves. Each connection has one caller at a time.
typedef struct postgres_selects postgres_selects;
postgres_selects *postgres_selects_open(const char *url, int count, int accounts);
// Starts to receive. `answered` is called on the waiting thread with the connection whose answer
// has arrived.
void postgres_selects_start(postgres_selects *it, void (*answered)(void *context, int index), void *context);
void postgres_selects_send(postgres_selects *it, int index);
// Enables calls of `answered`. Returns 1 if the answer has arrived already; then there is no call.
int postgres_selects_await(postgres_selects *it, int index);
void postgres_selects_finish(postgres_selects *it, int index);
void postgres_selects_close(postgres_selects *it);

// The same selects in pipeline mode, each with a sync of its own: `depth` in flight on each of up
// to 64 connections, by one thread. Returns selects per second.
double postgres_baseline_pipelined(const char *url, int count, int depth, int accounts, double seconds);

// Starts a TCP proxy to a port of this machine that delivers what it receives after a delay in
// nanoseconds, in both directions. Returns its port. It lasts as long as the process.
int postgres_baseline_delay(int port, long delay);

#endif

#endif
