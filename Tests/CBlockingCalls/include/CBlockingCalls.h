// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CBLOCKINGCALLS_H
#define CBLOCKINGCALLS_H

// How often libpq has called 'poll' or 'connect' in this process, on threads that are named as the pool's own, and on all others.
long blocking_calls_on_own_threads(void);
long blocking_calls_elsewhere(void);

#endif
