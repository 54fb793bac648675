// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CBaselines.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

__attribute__((noinline)) void baseline_use(uintptr_t *element) {
  *element += 1;
  __asm__ volatile("" ::"r"(element) : "memory");
}

void baseline_floor(uintptr_t rounds) {
  static _Alignas(128) struct {
    _Atomic uintptr_t state;
    uintptr_t element;
  } slot;
  for (uintptr_t i = 0; i < rounds; i++) {
    uintptr_t idle = 0;
    if (!atomic_compare_exchange_strong(&slot.state, &idle, 1)) abort();
    baseline_use(&slot.element);
    if (atomic_exchange(&slot.state, 0) != 1) abort();
  }
}

void baseline_clock(uintptr_t rounds) {
  struct timespec now;
  for (uintptr_t i = 0; i < rounds; i++) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    __asm__ volatile("" ::"r"(&now) : "memory");
  }
}

struct baseline_mutex_pool {
  _Alignas(128) pthread_mutex_t mutex;
  uintptr_t free_count;
  uintptr_t free[64];
  uintptr_t elements[64][8];
};

baseline_mutex_pool *baseline_mutex_pool_make(uintptr_t count) {
  baseline_mutex_pool *pool = aligned_alloc(128, sizeof *pool + (128 - sizeof *pool % 128) % 128);
  pthread_mutex_init(&pool->mutex, NULL);
  pool->free_count = count;
  for (uintptr_t i = 0; i < count; i++) pool->free[i] = count - 1 - i;
  for (uintptr_t i = 0; i < 64; i++) pool->elements[i][0] = 0;
  return pool;
}

void baseline_mutex_pool_run(baseline_mutex_pool *pool, uintptr_t rounds) {
  for (uintptr_t i = 0; i < rounds; i++) {
    pthread_mutex_lock(&pool->mutex);
    if (pool->free_count == 0) abort();
    uintptr_t index = pool->free[--pool->free_count];
    pthread_mutex_unlock(&pool->mutex);
    baseline_use(pool->elements[index]);
    pthread_mutex_lock(&pool->mutex);
    pool->free[pool->free_count++] = index;
    pthread_mutex_unlock(&pool->mutex);
  }
}

void baseline_mutex_pool_free(baseline_mutex_pool *pool) {
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}
