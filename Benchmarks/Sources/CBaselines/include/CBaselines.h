// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CBASELINES_H
#define CBASELINES_H

#include <stdint.h>

// The work that every core row does on an element: an opaque call.
void baseline_use(uintptr_t *_Nonnull element);

// `rounds` times: one compare-and-exchange, one exchange, and the work. The lower bound of the
// machine.
void baseline_floor(uintptr_t rounds);

// `rounds` readings of the monotonic clock.
void baseline_clock(uintptr_t rounds);

// A stack of 8 or 16 indices behind a pthread mutex: `rounds` times get, work, return.
typedef struct baseline_mutex_pool baseline_mutex_pool;
baseline_mutex_pool *_Nonnull baseline_mutex_pool_make(uintptr_t count);
void baseline_mutex_pool_run(baseline_mutex_pool *_Nonnull pool, uintptr_t rounds);
void baseline_mutex_pool_free(baseline_mutex_pool *_Nonnull pool);

#endif
