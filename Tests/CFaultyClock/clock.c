// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "CFaultyClock.h"

#if defined(__linux__)

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
// The clocks show `shown` where the system's shows `begin`, and run at `rate` from there.
static int64_t begin[16], shown[16], rate = 1000;

static int64_t system_time(clockid_t clock) {
  struct timespec time;
  syscall(SYS_clock_gettime, clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int is_changed(clockid_t clock) { return clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME; }

static int64_t shown_time(clockid_t clock) {
  int64_t passed = system_time(clock) - begin[clock];
  return shown[clock] + passed / 1000 * rate + passed % 1000 * rate / 1000;
}

static void change(int64_t step, int64_t next_rate) {
  pthread_mutex_lock(&mutex);
  const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME};
  for (int i = 0; i < 2; i++) {
    int64_t now = system_time(clocks[i]);
    shown[clocks[i]] = shown_time(clocks[i]) + step;
    begin[clocks[i]] = now;
  }
  rate = next_rate;
  pthread_mutex_unlock(&mutex);
}

void faulty_clock_run(int64_t thousandths) { change(0, thousandths); }

void faulty_clock_step(int64_t nanoseconds) { change(nanoseconds, rate); }

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!is_changed(clock)) return (int)syscall(SYS_clock_gettime, clock, time);
  pthread_mutex_lock(&mutex);
  int64_t now = shown_time(clock);
  pthread_mutex_unlock(&mutex);
  time->tv_sec = now / 1000000000;
  time->tv_nsec = now % 1000000000;
  return 0;
}

#else

void faulty_clock_run(int64_t thousandths) {}
void faulty_clock_step(int64_t nanoseconds) {}

#endif
