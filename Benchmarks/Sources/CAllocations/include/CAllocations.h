// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

// Heap allocations of this process so far, by any thread. Counts where malloc can be interposed, which is Linux with glibc;
// else always 0.
uint64_t allocation_count(void);
int allocation_is_counted(void);

#endif
