// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CLockPoolThread.h"

#if defined(LOCKPOOL_HAS_THREADS)

static uint64_t nanoseconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t lockpool_nanoseconds(void) { return nanoseconds_of(CLOCK_MONOTONIC); }

// On Apple's systems CLOCK_MONOTONIC continues while the machine sleeps.
uint64_t lockpool_instant(void) {
#if defined(CLOCK_BOOTTIME)
  return nanoseconds_of(CLOCK_BOOTTIME);
#else
  return nanoseconds_of(CLOCK_MONOTONIC);
#endif
}

#endif
