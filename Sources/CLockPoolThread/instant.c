// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CLockPoolThread.h"

#if defined(LOCKPOOL_HAS_THREADS)

lockpool_counter lockpool_counter_shared;

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <stdio.h>
#include <string.h>

// The counter and the clock at one instant, as nearly as they can be read.
typedef struct reading {
  uint64_t ticks;
  uint64_t nanoseconds;
} reading;

// Reads both. Returns whether nothing came between.
static bool read_both(reading *both) {
  uint64_t before = __builtin_ia32_rdtsc();
  both->nanoseconds = lockpool_nanoseconds();
  uint64_t after = __builtin_ia32_rdtsc();
  both->ticks = before + (after - before) / 2;
  return after - before < 1000;
}

// Whether the counter runs at one rate whatever the processor does, and alike on all processors: which Linux watches, and does not use it
// for its own clock otherwise.
static bool counter_is_steady(void) {
  unsigned int a, b, c, d;
  if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || (d & (1u << 8)) == 0) return false;
  char source[8] = {0};
  FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
  if (file == NULL) return false;
  bool was_read = fgets(source, sizeof source, file) != NULL;
  fclose(file);
  return was_read && strcmp(source, "tsc\n") == 0;
}

enum { begins, measures, done };

// What is found out is found out by one thread at a time; the others do not wait for it.
static int busy;
static int phase;
static reading first, last;

static void enter_phase(int next) { __atomic_store_n(&phase, next, __ATOMIC_RELAXED); }
static bool enter(void) { return __atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE) == 0; }
static void leave(void) { __atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }

static void measure(void) {
  reading now;
  if (phase == begins) {
    if (!counter_is_steady()) {
      enter_phase(done);
    } else if (read_both(&first)) {
      enter_phase(measures);
    }
  } else if (phase == measures && read_both(&now) && now.nanoseconds - first.nanoseconds >= 20 * 1000 * 1000) {
    double rate = (double)(now.nanoseconds - first.nanoseconds) / (double)(now.ticks - first.ticks);
    // A counter that is no faster than this tells too little.
    if (now.ticks > first.ticks && rate < 10) {
      last = now;
      lockpool_counter_shared.ticks = now.ticks;
      lockpool_counter_shared.nanoseconds = now.nanoseconds;
      __atomic_store_n(&lockpool_counter_shared.rate, (uint64_t)(rate * 4294967296.0), __ATOMIC_RELEASE);
    }
    enter_phase(done);
  }
}

uint64_t lockpool_instant_of_system(void) {
  if (__atomic_load_n(&phase, __ATOMIC_RELAXED) != done && enter()) {
    measure();
    leave();
  }
  return lockpool_nanoseconds();
}

void lockpool_instant_check(void) {
  uint64_t rate = __atomic_load_n(&lockpool_counter_shared.rate, __ATOMIC_ACQUIRE);
  reading now;
  if (rate == 0 || !enter()) return;
  if (read_both(&now) && now.nanoseconds - last.nanoseconds >= 500 * 1000 * 1000) {
    double clock = (double)(now.nanoseconds - last.nanoseconds);
    double counter = (double)(now.ticks - last.ticks) * ((double)rate / 4294967296.0);
    last = now;
    if (counter < clock * 0.999 || counter > clock * 1.001) {
      __atomic_store_n(&lockpool_counter_shared.rate, 0, __ATOMIC_RELEASE);
    }
  }
  leave();
}

#else

uint64_t lockpool_instant_of_system(void) { return lockpool_nanoseconds(); }
void lockpool_instant_check(void) {}

#endif
#endif
