// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

// The number of heap allocations of this process so far, by all threads. Always 0 where malloc
// cannot be interposed: everywhere except on Linux with glibc.
uint64_t allocation_count(void);
int allocation_is_counted(void);

#endif
