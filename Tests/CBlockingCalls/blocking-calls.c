// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "CBlockingCalls.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

static atomic_long on_own_threads, elsewhere;

long blocking_calls_on_own_threads(void) { return atomic_load(&on_own_threads); }
long blocking_calls_elsewhere(void) { return atomic_load(&elsewhere); }

#if defined(__linux__)

// The functions below take the place of the C library's for the whole process, and pass everything on.

static void count(const void *caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == NULL || strstr(info.dli_fname, "libpq.so") == NULL) return;
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  atomic_fetch_add(strncmp(name, "postgres-", 9) == 0 ? &on_own_threads : &elsewhere, 1);
}

int poll(struct pollfd *sockets, nfds_t number, int milliseconds) {
  int (*real)(struct pollfd *, nfds_t, int) = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
  // Without a time it is a look and blocks nothing: libpq tells by it the end of a connection from an empty socket.
  if (milliseconds != 0) count(__builtin_return_address(0));
  return real(sockets, number, milliseconds);
}

// What 'poll' becomes where the C library checks sizes.
int __poll_chk(struct pollfd *sockets, nfds_t number, int milliseconds, size_t size) {
  int (*real)(struct pollfd *, nfds_t, int, size_t) =
      (int (*)(struct pollfd *, nfds_t, int, size_t))dlsym(RTLD_NEXT, "__poll_chk");
  if (milliseconds != 0) count(__builtin_return_address(0));
  return real(sockets, number, milliseconds, size);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  int (*real)(int, const struct sockaddr *, socklen_t) =
      (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
  count(__builtin_return_address(0));
  return real(socket, address, length);
}

#endif
