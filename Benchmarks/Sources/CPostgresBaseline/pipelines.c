// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CPostgresBaseline.h"

#if defined(__linux__)

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static void fail(PGconn *pq) {
  fprintf(stderr, "%s\n", PQerrorMessage(pq));
  abort();
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void send_select(PGconn *pq, uint64_t *random, int accounts) {
  *random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
  uint32_t account = htonl((uint32_t)(*random % (uint64_t)accounts) + 1);
  const char *values[] = {(const char *)&account};
  int lengths[] = {sizeof account}, formats[] = {1};
  if (!PQsendQueryPrepared(pq, "select_balance", 1, values, lengths, formats, 1) || !PQpipelineSync(pq)) fail(pq);
}

// Returns the number of statements whose answers have arrived with their syncs.
static int receive_answers(PGconn *pq) {
  int syncs = 0, ends = 0;
  if (!PQconsumeInput(pq)) fail(pq);
  // Two absent results in succession: nothing is left in the pipeline.
  while (ends < 2 && !PQisBusy(pq)) {
    PGresult *result = PQgetResult(pq);
    ends = result == NULL ? ends + 1 : 0;
    if (result == NULL) continue;
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
      syncs += 1;
    } else if (PQntuples(result) != 1) {
      fail(pq);
    }
    PQclear(result);
  }
  return syncs;
}

double postgres_baseline_pipelined(const char *url, int count, int depth, int accounts, double seconds) {
  PGconn *connections[64];
  uint64_t random = 88172645463325252u;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < count; i++) {
    PGconn *pq = connections[i] = PQconnectdb(url);
    if (PQstatus(pq) != CONNECTION_OK) fail(pq);
    PQclear(PQprepare(pq, "select_balance", "SELECT abalance FROM pgbench_accounts WHERE aid = $1", 0, NULL));
    if (PQsetnonblocking(pq, 1) != 0 || !PQenterPipelineMode(pq)) fail(pq);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, PQsocket(pq), &event) != 0) abort();
  }
  double began = now(), elapsed = 0;
  long answers = 0;
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < depth; j++) send_select(connections[i], &random, accounts);
  }
  struct epoll_event events[64];
  while ((elapsed = now() - began) < seconds) {
    int ready = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      PGconn *pq = connections[events[i].data.u32];
      int answered = receive_answers(pq);
      answers += answered;
      while (answered-- > 0) send_select(pq, &random, accounts);
    }
  }
  for (int i = 0; i < count; i++) PQfinish(connections[i]);
  close(epoll);
  return (double)answers / elapsed;
}

#endif
