// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RTLD_DEFAULT is not in POSIX.
#define _GNU_SOURCE

#include "CLockPoolTLS.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// When a process exits, OpenSSL frees its state in an `atexit` handler, while other threads
// continue until the process has ended. A thread that is then inside OpenSSL, on behalf of libpq,
// crashes. OPENSSL_INIT_NO_ATEXIT prevents that; the system frees the memory a moment later. The
// flag has no effect once OpenSSL has installed the handler, which happens on its first use.
//
// libpq links with OpenSSL, but this library does not: the function is looked up. Without OpenSSL
// nothing happens.

static const uint64_t init_no_atexit = 0x00080000;

typedef int (*init_function)(uint64_t options, const void *settings);

#if defined(__linux__)
// Resolved by the linker in a statically linked process, where `dlsym` finds nothing.
extern int OPENSSL_init_crypto(uint64_t options, const void *settings) __attribute__((weak));
#endif

void clockpool_keep_openssl(void) {
  init_function function = (init_function)dlsym(RTLD_DEFAULT, "OPENSSL_init_crypto");
#if defined(__linux__)
  if (function == NULL) function = OPENSSL_init_crypto;
#endif
  if (function != NULL) function(init_no_atexit, NULL);
}

// Runs before `main`, because another library may use OpenSSL before a pool is created.
__attribute__((constructor)) static void keep_openssl_from_the_start(void) { clockpool_keep_openssl(); }
