// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RTLD_DEFAULT is not POSIX's.
#define _GNU_SOURCE

#include "CLockPoolTLS.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// When a process exits, OpenSSL frees its state in a handler of `atexit`, while other threads go on until the process has ended. A
// thread that is inside OpenSSL then, on behalf of libpq, crashes. OPENSSL_INIT_NO_ATEXIT keeps OpenSSL from that; the system frees
// the memory a moment later. The flag has no effect once OpenSSL has set the handler, which it does when anything first uses it.
//
// libpq links OpenSSL and this library does not: the function is looked up, and where there is none, or another TLS library's,
// nothing happens.

static const uint64_t init_no_atexit = 0x00080000;

typedef int (*init_function)(uint64_t options, const void *settings);

#if defined(__linux__)
// Found by the linker in a process without a dynamic one, whose `dlsym` finds nothing.
extern int OPENSSL_init_crypto(uint64_t options, const void *settings) __attribute__((weak));
#endif

void clockpool_keep_openssl(void) {
  init_function function = (init_function)dlsym(RTLD_DEFAULT, "OPENSSL_init_crypto");
#if defined(__linux__)
  if (function == NULL) function = OPENSSL_init_crypto;
#endif
  if (function != NULL) function(init_no_atexit, NULL);
}

// Before `main`, because another library may use OpenSSL before there is a pool.
__attribute__((constructor)) static void keep_openssl_from_the_start(void) { clockpool_keep_openssl(); }
