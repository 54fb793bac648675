// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CFIBERS_H
#define CFIBERS_H

#include <stddef.h>

// A fiber: a stack that can be left and entered again. Nothing is saved but what the calling
// convention keeps, so a switch costs a few nanoseconds.
typedef struct fiber {
  void *_Nullable stack_pointer;
} fiber;

// Prepares `fiber` to call `body(argument)` on `stack` when it is first switched to. `body` must
// not return.
void fiber_prepare(fiber *_Nonnull fiber, void *_Nonnull stack, size_t size, void (*_Nonnull body)(void *_Nullable),
                   void *_Nullable argument);

// Leaves the running fiber `from`, and goes on with `to`.
void fiber_switch(fiber *_Nonnull from, fiber *_Nonnull to);

#endif
