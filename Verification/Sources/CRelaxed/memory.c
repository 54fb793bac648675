// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CRelaxed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// The newest seen value of each word, as its position in modification order; then the accesses by
// each thread.
typedef struct view {
  uint16_t seen[rx_words + rx_threads];
} view;

typedef struct value {
  uint64_t bits;
  view released;  // what a read with acquire gets to see
} value;

static struct {
  value values[rx_values];
  int count;
  int sequential;  // the newest value that a sequentially consistent access has seen
} words[rx_words];

static int word_count;
static view views[rx_threads];
static view boxes[rx_boxes];
static uint16_t touches[rx_threads];

static bool acquires(rx_order order) { return order == rx_acquire || order >= rx_acquire_release; }
static bool releases(rx_order order) { return order >= rx_release; }

static void join(view *into, const view *from) {
  for (int i = 0; i < rx_words + rx_threads; i++)
    if (from->seen[i] > into->seen[i]) into->seen[i] = from->seen[i];
}

void rx_reset(void) {
  word_count = 0;
  memset(views, 0, sizeof views);
  memset(boxes, 0, sizeof boxes);
  memset(touches, 0, sizeof touches);
}

int rx_new_word(uint64_t bits) {
  if (word_count == rx_words) return -1;
  rx_initialize(word_count, bits);
  return word_count++;
}

void rx_initialize(int word, uint64_t bits) {
  words[word].count = 1;
  words[word].sequential = 0;
  words[word].values[0].bits = bits;
  memset(&words[word].values[0].released, 0, sizeof(view));
}

int rx_candidates(int thread, int word, rx_order order, const uint64_t *expected, int *distances) {
  int newest = words[word].count - 1, oldest = newest, found = 0;
  if (thread >= 0) {
    oldest = views[thread].seen[word];
    if (order == rx_sequential && words[word].sequential > oldest) oldest = words[word].sequential;
  }
  for (int place = newest; place >= oldest; place--)
    if (!expected || words[word].values[place].bits != *expected) distances[found++] = newest - place;
  return found;
}

uint64_t rx_load(int thread, int word, rx_order order, int distance) {
  int place = words[word].count - 1 - distance;
  value *read = &words[word].values[place];
  if (thread < 0) return read->bits;
  views[thread].seen[word] = place;
  if (acquires(order)) join(&views[thread], &read->released);
  if (order == rx_sequential && place > words[word].sequential) words[word].sequential = place;
  return read->bits;
}

bool rx_store(int thread, int word, uint64_t bits, rx_order order, bool is_exchange) {
  int place = words[word].count;
  if (place == rx_values) return false;
  value *old = &words[word].values[place - 1], *new = &words[word].values[place];
  if (thread >= 0) {
    if (is_exchange && acquires(order)) join(&views[thread], &old->released);
    views[thread].seen[word] = place;
  }
  new->bits = bits;
  memset(&new->released, 0, sizeof(view));
  // An exchange continues the release sequence that it reads from.
  if (is_exchange) new->released = old->released;
  if (thread >= 0 && releases(order)) join(&new->released, &views[thread]);
  new->released.seen[word] = place;
  words[word].count++;
  if (order == rx_sequential) words[word].sequential = place;
  return true;
}

uint64_t rx_seen(int thread, int word) { return words[word].values[views[thread].seen[word]].bits; }

bool rx_use(int thread, int datum) {
  if (thread < 0) return true;
  // The position of the newest access is the number of accesses.
  bool isOrdered = views[thread].seen[datum] == words[datum].sequential;
  views[thread].seen[datum] = ++words[datum].sequential;
  return isOrdered;
}

void rx_touch(int thread) {
  if (thread >= 0) views[thread].seen[rx_words + thread] = ++touches[thread];
}

bool rx_may_end(int thread) {
  if (thread < 0) return true;
  for (int other = 0; other < rx_threads; other++)
    if (other != thread && views[thread].seen[rx_words + other] != touches[other]) return false;
  return true;
}

void rx_send(int thread, int box) {
  if (thread >= 0) join(&boxes[box], &views[thread]);
}

void rx_receive(int thread, int box) {
  if (thread >= 0) join(&views[thread], &boxes[box]);
}

int rx_spawn(int (*body)(void *), void *context, int descriptor, unsigned seconds) {
  int child = fork();
  if (child) return child;
  dup2(descriptor, STDOUT_FILENO);
  dup2(descriptor, STDERR_FILENO);
  alarm(seconds);
  // A trap of the core ends the child, and no crash reporter should run.
  const int traps[] = {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
  for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) signal(traps[i], SIG_DFL);
  exit(body(context));
}

int rx_wait(int *status) {
  int child = wait(status);
  *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
  return child;
}

void rx_show_progress(void) { setvbuf(stdout, NULL, _IOLBF, 0); }
