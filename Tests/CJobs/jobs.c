// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CJobs.h"

#include <stddef.h>
#include <stdint.h>

#define SWIFT_CALL __attribute__((swiftcall))

// Of the Swift runtime, which looks at the hook whenever a job is ready. The executor that a job is run on is the generic one.
typedef SWIFT_CALL void (*original)(void *job);
extern SWIFT_CALL void (*swift_task_enqueueGlobal_hook)(void *job, original otherwise);
extern SWIFT_CALL void swift_job_run(void *job, void *executor, uintptr_t implementation);

static void (*receiver)(void *job);

static SWIFT_CALL void receive(void *job, original otherwise) { receiver(job); }

void jobs_capture(void (*on_job)(void *job)) {
  receiver = on_job;
  swift_task_enqueueGlobal_hook = receive;
}

void jobs_run(void *job) { swift_job_run(job, NULL, 0); }
