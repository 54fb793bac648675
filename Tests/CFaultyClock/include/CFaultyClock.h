// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef FAULTY_CLOCK_H
#define FAULTY_CLOCK_H

#include <stdint.h>

// A `clock_gettime` that comes before the C library's in a process that is linked with this target, as with LD_PRELOAD. It changes the
// clocks that count from the start of the machine. Linux only; elsewhere the functions do nothing.

// Has the clocks run at `thousandths` of their rate from now on: 1000 as they do, 1003 fast by 0.3 %, 0 not at all.
void faulty_clock_run(int64_t thousandths);

// Moves the clocks by `nanoseconds`, which may be negative.
void faulty_clock_step(int64_t nanoseconds);

#endif
