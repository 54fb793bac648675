// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CRELAXED_H
#define CRELAXED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A memory with the orderings of C++20, for threads whose steps are sequential.
//
// A word is the list of its values in modification order. Each thread has seen a part of it. A
// view is the part of each word that a thread has seen. A value that is written with release
// carries the writer's view, and a read with acquire adds it to the reader's. A load returns any
// value that is not older than the view; a read-modify-write reads the newest. Sequentially
// consistent accesses follow the order of the steps: such an access of a word sees everything
// that earlier ones saw.

enum { rx_threads = 8, rx_words = 112, rx_values = 256, rx_boxes = 64 };

typedef enum rx_order { rx_relaxed, rx_acquire, rx_release, rx_acquire_release, rx_sequential } rx_order;

// Forgets everything.
void rx_reset(void);

// A new word with this value, or data that is not atomic. All threads see it. Returns its number;
// -1 if there are too many.
int rx_new_word(uint64_t value);

// Makes `value` the only value that the word has ever had.
void rx_initialize(int word, uint64_t value);

// Which values `thread` may read, newest first, as distances from the newest.
//
// $expected: for the failure of a compare-and-exchange, the value that would make it succeed;
// NULL for a load. Returns how many there are.
int rx_candidates(int thread, int word, rx_order order, const uint64_t *_Nullable expected, int *_Nonnull distances);

// Reads the value at this distance from the newest.
uint64_t rx_load(int thread, int word, rx_order order, int distance);

// Writes a value, after reading the newest one if this is a read-modify-write. False if there are
// too many.
bool rx_store(int thread, int word, uint64_t value, rx_order order, bool is_exchange);

// The newest value that a thread has seen.
uint64_t rx_seen(int thread, int word);

// An access to data that is not atomic and that one thread at a time may use. False if the access
// before does not happen before this one: a data race.
bool rx_use(int thread, int datum);

// An access to the block. `rx_may_end` returns whether every access by another thread happens
// before now.
void rx_touch(int thread);
bool rx_may_end(int thread);

// An event outside of the words that makes steps visible: a resumed task, or the end of a
// reference.
void rx_send(int thread, int box);
void rx_receive(int thread, int box);

// Writes each line of the standard output when it is printed.
void rx_show_progress(void);

// Runs `body` in a child process, whose output goes to the file descriptor. Returns its process
// number.
int rx_spawn(int (*_Nonnull body)(void *_Nullable), void *_Nullable context, int descriptor, unsigned seconds);
// Waits for any child. Returns its process number, and its status as a shell reports it.
int rx_wait(int *_Nonnull status);

#endif
