// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CPostgresBaseline.h"

#if defined(__linux__)

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

// The owner of a connection: its caller, even after an answer has arrived, or the receiving thread
// as soon as an answer arrives.
enum { owned, owned_and_come, waiting };

typedef struct connection {
  PGconn *pq;
  atomic_int state;
  uint64_t random;
} connection;

struct postgres_selects {
  int count, accounts, epoll;
  atomic_int has_ended;
  pthread_t thread;
  void (*answered)(void *, int);
  void *context;
  connection connections[];
};

static void fail(PGconn *pq) {
  fprintf(stderr, "%s\n", PQerrorMessage(pq));
  abort();
}

void postgres_selects_send(postgres_selects *it, int index) {
  connection *c = &it->connections[index];
  c->random ^= c->random << 13, c->random ^= c->random >> 7, c->random ^= c->random << 17;
  uint32_t account = htonl((uint32_t)(c->random % (uint64_t)it->accounts) + 1);
  const char *values[] = {(const char *)&account};
  int lengths[] = {sizeof account}, formats[] = {1};
  if (!PQsendQueryPrepared(c->pq, "select_balance", 1, values, lengths, formats, 1)) fail(c->pq);
}

int postgres_selects_await(postgres_selects *it, int index) {
  connection *c = &it->connections[index];
  while (1) {
    int expected = owned;
    if (atomic_compare_exchange_strong(&c->state, &expected, waiting)) return 0;
    atomic_store(&c->state, owned);
    if (!PQconsumeInput(c->pq)) fail(c->pq);
    if (!PQisBusy(c->pq)) return 1;
  }
}

void postgres_selects_finish(postgres_selects *it, int index) {
  PGconn *pq = it->connections[index].pq;
  PGresult *result;
  while ((result = PQgetResult(pq)) != NULL) {
    if (PQntuples(result) != 1) fail(pq);
    PQclear(result);
  }
}

static void *receive(void *argument) {
  postgres_selects *it = argument;
  struct epoll_event events[64];
  while (!atomic_load(&it->has_ended)) {
    int count = epoll_wait(it->epoll, events, 64, 10);
    for (int i = 0; i < count; i++) {
      int index = (int)events[i].data.u32, expected = owned;
      connection *c = &it->connections[index];
      if (atomic_compare_exchange_strong(&c->state, &expected, owned_and_come) || expected != waiting) continue;
      if (!PQconsumeInput(c->pq)) fail(c->pq);
      if (PQisBusy(c->pq)) continue;
      atomic_store(&c->state, owned);
      it->answered(it->context, index);
    }
  }
  return NULL;
}

postgres_selects *postgres_selects_open(const char *url, int count, int accounts) {
  postgres_selects *it = calloc(1, sizeof *it + (size_t)count * sizeof(connection));
  it->count = count;
  it->accounts = accounts;
  it->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < count; i++) {
    connection *c = &it->connections[i];
    c->random = 88172645463325252u + (uint64_t)i * 7919;
    c->pq = PQconnectdb(url);
    if (PQstatus(c->pq) != CONNECTION_OK) fail(c->pq);
    PQclear(PQprepare(c->pq, "select_balance", "SELECT abalance FROM pgbench_accounts WHERE aid = $1", 0, NULL));
    if (PQsetnonblocking(c->pq, 1) != 0) fail(c->pq);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)i};
    if (epoll_ctl(it->epoll, EPOLL_CTL_ADD, PQsocket(c->pq), &event) != 0) abort();
  }
  return it;
}

void postgres_selects_start(postgres_selects *it, void (*answered)(void *, int), void *context) {
  it->answered = answered;
  it->context = context;
  if (pthread_create(&it->thread, NULL, receive, it) != 0) abort();
}

void postgres_selects_close(postgres_selects *it) {
  atomic_store(&it->has_ended, 1);
  pthread_join(it->thread, NULL);
  for (int i = 0; i < it->count; i++) PQfinish(it->connections[i].pq);
  close(it->epoll);
  free(it);
}

// MARK: Without tasks

typedef struct loop {
  postgres_selects *selects;
  long turns;
  int has_worker;
  atomic_int has_ended;
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  // A ring with space for each connection.
  int answered[64], first, last;
} loop;

static void turn(loop *it, int index) {
  do {
    postgres_selects_finish(it->selects, index);
    it->turns += 1;
    if (atomic_load(&it->has_ended)) return;
    postgres_selects_send(it->selects, index);
  } while (postgres_selects_await(it->selects, index));
}

static void pass_on(void *context, int index) {
  loop *it = context;
  if (!it->has_worker) return turn(it, index);
  pthread_mutex_lock(&it->mutex);
  it->answered[it->last++ % 64] = index;
  pthread_mutex_unlock(&it->mutex);
  pthread_cond_signal(&it->condition);
}

static void *work(void *context) {
  loop *it = context;
  while (1) {
    pthread_mutex_lock(&it->mutex);
    while (it->first == it->last && !atomic_load(&it->has_ended)) pthread_cond_wait(&it->condition, &it->mutex);
    int has_ended = it->first == it->last;
    int index = has_ended ? 0 : it->answered[it->first++ % 64];
    pthread_mutex_unlock(&it->mutex);
    if (has_ended) return NULL;
    turn(it, index);
  }
}

double postgres_baseline_selects(const char *url, int count, int accounts, double seconds, int has_worker) {
  loop it = {.selects = postgres_selects_open(url, count, accounts), .has_worker = has_worker};
  pthread_mutex_init(&it.mutex, NULL);
  pthread_cond_init(&it.condition, NULL);
  for (int i = 0; i < count; i++) {
    atomic_store(&it.selects->connections[i].state, waiting);
    postgres_selects_send(it.selects, i);
  }
  pthread_t worker;
  struct timespec began, ended, pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  clock_gettime(CLOCK_MONOTONIC, &began);
  if (has_worker && pthread_create(&worker, NULL, work, &it) != 0) abort();
  postgres_selects_start(it.selects, pass_on, &it);
  nanosleep(&pause, NULL);
  pthread_mutex_lock(&it.mutex);
  atomic_store(&it.has_ended, 1);
  pthread_mutex_unlock(&it.mutex);
  pthread_cond_signal(&it.condition);
  clock_gettime(CLOCK_MONOTONIC, &ended);
  if (has_worker) pthread_join(worker, NULL);
  postgres_selects_close(it.selects);
  double elapsed = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
  return (double)it.turns / elapsed;
}

#endif
