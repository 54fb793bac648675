// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLTLS_H
#define CLOCKPOOLTLS_H

// Has OpenSSL, where libpq has brought it into the process, keep its state until the process has ended. Has an effect only before
// the first use of OpenSSL, and is therefore also called when the process starts. Safe to call again.
void clockpool_keep_openssl(void);

#endif
