// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLTHREAD_H
#define CLOCKPOOLTHREAD_H

#include <stdint.h>

// The slot that this thread returned last. It is a hint and nothing else: a search starts there, so that threads do not
// meet on one slot. Each module that inlines the function has a copy of its own, which is as good.
static inline uintptr_t *_Nonnull lockpool_thread_hint(void) {
  static _Thread_local uintptr_t hint;
  return &hint;
}

#endif
