// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CLockPoolThread.h"

#if defined(LOCKPOOL_HAS_THREADS)

#include <errno.h>
#include <time.h>

void lockpool_parker_init(lockpool_parker *parker) {
  pthread_mutex_init(&parker->mutex, NULL);
#if defined(__APPLE__)
  pthread_cond_init(&parker->condition, NULL);
#else
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&parker->condition, &attributes);
  pthread_condattr_destroy(&attributes);
#endif
  parker->is_woken = false;
  parker->wakeup = 0;
}

void lockpool_parker_destroy(lockpool_parker *parker) {
  pthread_cond_destroy(&parker->condition);
  pthread_mutex_destroy(&parker->mutex);
}

void lockpool_parker_wake(lockpool_parker *parker, intptr_t wakeup) {
  pthread_mutex_lock(&parker->mutex);
  parker->is_woken = true;
  parker->wakeup = wakeup;
  // Under the mutex: the parker's memory may be reused as soon as its owner can lock the mutex.
  pthread_cond_signal(&parker->condition);
  pthread_mutex_unlock(&parker->mutex);
}

bool lockpool_parker_wait(lockpool_parker *parker, uint64_t nanoseconds, intptr_t *wakeup) {
  int result = 0;
  pthread_mutex_lock(&parker->mutex);
  if (nanoseconds == UINT64_MAX) {
    while (!parker->is_woken) pthread_cond_wait(&parker->condition, &parker->mutex);
  } else {
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    const uint64_t second = 1000000000;
    struct timespec deadline = {
        .tv_sec = start.tv_sec + (time_t)(nanoseconds / second),
        .tv_nsec = start.tv_nsec + (long)(nanoseconds % second),
    };
    if (deadline.tv_nsec >= (long)second) {
      deadline.tv_sec += 1;
      deadline.tv_nsec -= (long)second;
    }
    while (!parker->is_woken && result != ETIMEDOUT) {
#if defined(__APPLE__)
      struct timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      struct timespec rest = {.tv_sec = deadline.tv_sec - now.tv_sec, .tv_nsec = deadline.tv_nsec - now.tv_nsec};
      if (rest.tv_nsec < 0) {
        rest.tv_sec -= 1;
        rest.tv_nsec += (long)second;
      }
      result = rest.tv_sec < 0 ? ETIMEDOUT
                               : pthread_cond_timedwait_relative_np(&parker->condition, &parker->mutex, &rest);
#else
      result = pthread_cond_timedwait(&parker->condition, &parker->mutex, &deadline);
#endif
    }
  }
  bool is_woken = parker->is_woken;
  *wakeup = parker->wakeup;
  pthread_mutex_unlock(&parker->mutex);
  return is_woken;
}

#endif
