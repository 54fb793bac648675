// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLTHREAD_H
#define CLOCKPOOLTHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A bare-metal target has neither threads nor storage for them.
#if defined(__unix__) || defined(__APPLE__)
#define LOCKPOOL_HAS_THREADS 1
#include <pthread.h>
#define LOCKPOOL_PER_THREAD _Thread_local
#else
#define LOCKPOOL_PER_THREAD
#endif

// The slot that this thread returned last. It is a hint and nothing else: a search starts there, so that threads do not
// meet on one slot. Each module that inlines the function has a copy of its own, which is as good.
static inline uintptr_t *_Nonnull lockpool_thread_hint(void) {
  static LOCKPOOL_PER_THREAD uintptr_t hint;
  return &hint;
}

#if defined(LOCKPOOL_HAS_THREADS)

// Where a thread waits to be woken, once. It may live on that thread's stack: who wakes it does not touch it afterwards.
typedef struct lockpool_parker {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  bool is_woken;
  intptr_t wakeup;
} lockpool_parker;

void lockpool_parker_init(lockpool_parker *_Nonnull parker);
void lockpool_parker_destroy(lockpool_parker *_Nonnull parker);

// Wakes the thread that waits, or will wait, with a value for it.
void lockpool_parker_wake(lockpool_parker *_Nonnull parker, intptr_t wakeup);

// Blocks until woken, or until `nanoseconds` of the monotonic clock have passed; UINT64_MAX for ever. Returns whether it was
// woken, and then with what.
bool lockpool_parker_wait(lockpool_parker *_Nonnull parker, uint64_t nanoseconds, intptr_t *_Nonnull wakeup);

// Starts a detached thread with a stack of its own size. Returns 0, or what the system says.
int lockpool_thread_start(void *_Nullable (*_Nonnull run)(void *_Nullable), void *_Nullable context, size_t stack_size);

// Keeps a broken pipe from ending the process by a signal, where the calling thread is the one that writes to it.
void lockpool_thread_block_broken_pipe(void);

// Names the calling thread, for debuggers. Linux shows 15 bytes of it.
void lockpool_thread_name(const char *_Nonnull name);

#endif

#endif
