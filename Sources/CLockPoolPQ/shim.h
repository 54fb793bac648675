// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLPQ_SHIM_H
#define CLOCKPOOLPQ_SHIM_H

#include <libpq-fe.h>

#endif
