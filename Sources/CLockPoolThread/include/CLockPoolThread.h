// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLTHREAD_H
#define CLOCKPOOLTHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A bare-metal target has neither threads nor thread-local storage.
#if defined(__unix__) || defined(__APPLE__)
#define LOCKPOOL_HAS_THREADS 1
#include <pthread.h>
#include <time.h>
#define LOCKPOOL_PER_THREAD _Thread_local
#else
#define LOCKPOOL_PER_THREAD
#endif

// The slot that this thread returned last. It is only a hint: a search starts there, so that
// threads rarely compete for one slot. Each module that inlines the function has a copy of its
// own, which works equally well.
static inline uintptr_t *_Nonnull lockpool_thread_hint(void) {
  static LOCKPOOL_PER_THREAD uintptr_t hint;
  return &hint;
}

// Tells the processor that the thread spins until another thread writes a word.
static inline void lockpool_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#if defined(LOCKPOOL_HAS_THREADS)

// A number that identifies the calling thread among all current threads.
static inline uintptr_t lockpool_thread_self(void) { return (uintptr_t)pthread_self(); }

// From the Swift runtime: the task that runs on this thread.
extern void *_Nullable swift_task_getCurrent(void) __attribute__((swiftcall));

// A number that identifies the running task among all tasks that have not ended; 0 outside tasks.
static inline uintptr_t lockpool_current_task(void) { return (uintptr_t)swift_task_getCurrent(); }

// The current instant in nanoseconds of the system's clock that includes the time of suspension:
// CLOCK_BOOTTIME on Linux, which Swift's ContinuousClock also reads. For durations between two
// instants. Costs as much as CLOCK_MONOTONIC, from which it differs only by the time of
// suspension.
uint64_t lockpool_instant(void);

// The state of a thread that waits to be woken, once. It may live on that thread's stack: the
// waking thread does not access it afterwards.
typedef struct lockpool_parker {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  bool is_woken;
  intptr_t wakeup;
} lockpool_parker;

void lockpool_parker_init(lockpool_parker *_Nonnull parker);
void lockpool_parker_destroy(lockpool_parker *_Nonnull parker);

// Wakes the thread that waits, or will wait, with a value.
void lockpool_parker_wake(lockpool_parker *_Nonnull parker, intptr_t wakeup);

// Blocks until woken, or until `nanoseconds` of the monotonic clock have passed; UINT64_MAX for
// no limit. Returns whether it was woken, and stores the value in `wakeup`.
bool lockpool_parker_wait(lockpool_parker *_Nonnull parker, uint64_t nanoseconds, intptr_t *_Nonnull wakeup);

// The current instant in nanoseconds of CLOCK_MONOTONIC.
uint64_t lockpool_nanoseconds(void);

// Starts a detached thread with the given stack size. Returns 0, or an error number.
int lockpool_thread_start(void *_Nullable (*_Nonnull run)(void *_Nullable), void *_Nullable context, size_t stack_size);

// Prevents a broken pipe from ending the process by a signal when the calling thread writes to
// it.
void lockpool_thread_block_broken_pipe(void);

// The number of processors that this process may use; at least 1.
int lockpool_allowed_processors(void);

// A word of the calling thread for its user; NULL at first.
void *_Nullable lockpool_thread_context(void);
void lockpool_thread_set_context(void *_Nullable context);

// A word of the calling thread for the executor that it belongs to; NULL at first.
void *_Nullable lockpool_thread_executor(void);
void lockpool_thread_set_executor(void *_Nullable executor);

// Names the calling thread, for debuggers. Linux shows 15 bytes of the name.
void lockpool_thread_name(const char *_Nonnull name);

#endif

#endif
