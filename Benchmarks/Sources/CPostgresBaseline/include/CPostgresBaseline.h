// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CPOSTGRESBASELINE_H
#define CPOSTGRESBASELINE_H

// Reads all rows of a statement in single-row mode and binary format through libpq, blocking, and adds up the lengths of their
// first columns. Returns the number of rows, or -1.
long postgres_baseline_stream(const char *connection, const char *statement);

#endif
