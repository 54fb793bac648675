// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CJOBS_H
#define CJOBS_H

// Gives every job that would go to the global executor of the Swift runtime to a function instead, for the rest of the process.
void jobs_capture(void (*_Nonnull on_job)(void *_Nonnull job));

// Runs a job on this thread until it suspends or ends.
void jobs_run(void *_Nonnull job);

#endif
