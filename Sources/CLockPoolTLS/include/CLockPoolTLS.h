// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLTLS_H
#define CLOCKPOOLTLS_H

// Makes OpenSSL, if libpq has loaded it, keep its state until the process has ended. Effective
// only before the first use of OpenSSL, and therefore also called when the process starts. Can be
// called repeatedly.
void clockpool_keep_openssl(void);

#endif
