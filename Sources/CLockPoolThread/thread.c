// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// POSIX has no function for the name of a thread.
#define _GNU_SOURCE

#include "CLockPoolThread.h"

#if defined(LOCKPOOL_HAS_THREADS)

#include <signal.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

int lockpool_thread_start(void *(*run)(void *), void *context, size_t stack_size) {
  pthread_attr_t attributes;
  int code = pthread_attr_init(&attributes);
  if (code != 0) return code;
  pthread_t thread;
  code = pthread_attr_setstacksize(&attributes, stack_size);
  if (code == 0) code = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (code == 0) code = pthread_create(&thread, &attributes, run, context);
  pthread_attr_destroy(&attributes);
  return code;
}

void lockpool_thread_block_broken_pipe(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static _Thread_local void *thread_context;

void *lockpool_thread_context(void) { return thread_context; }

void lockpool_thread_set_context(void *context) { thread_context = context; }

static _Thread_local void *thread_executor;

void *lockpool_thread_executor(void) { return thread_executor; }

void lockpool_thread_set_executor(void *executor) { thread_executor = executor; }

int lockpool_allowed_processors(void) {
#if defined(__linux__)
  // Fails if the system has more than 1,024 processors.
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

#if defined(__APPLE__)
void lockpool_thread_name(const char *name) { pthread_setname_np(name); }
#else
void lockpool_thread_name(const char *name) {
  // Linux rejects a longer name.
  char start[16];
  strncpy(start, name, sizeof start - 1);
  start[sizeof start - 1] = 0;
  pthread_setname_np(pthread_self(), start);
}
#endif

#endif
