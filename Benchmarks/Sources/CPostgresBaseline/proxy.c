// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if defined(__linux__)

#define _GNU_SOURCE

#include "CPostgresBaseline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// A TCP proxy that delivers what it receives after a delay, as a network does: what is sent during
// the delay is delivered as much later.

struct chunk {
  struct chunk *next;
  int64_t due;
  size_t length;
  char bytes[];
};

struct direction {
  int from, to;
  int64_t delay;
};

static int port_of_server;
static int64_t delay_of_proxy;

static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool send_all(int to, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = send(to, bytes, length, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    length -= (size_t)count;
  }
  return true;
}

static void *forward(void *context) {
  struct direction direction = *(struct direction *)context;
  free(context);
  struct chunk *first = NULL, *last = NULL;
  bool is_over = false;
  while (!is_over || first) {
    int64_t now = nanoseconds();
    while (first && first->due <= now) {
      struct chunk *chunk = first;
      if (!send_all(direction.to, chunk->bytes, chunk->length)) is_over = true;
      first = chunk->next;
      if (!first) last = NULL;
      free(chunk);
    }
    struct pollfd event = {.fd = is_over ? -1 : direction.from, .events = POLLIN};
    struct timespec pause = {0};
    if (first) pause.tv_nsec = first->due > now ? first->due - now : 0;
    if (ppoll(&event, 1, first ? &pause : NULL, NULL) <= 0 || !event.revents) continue;
    struct chunk *chunk = malloc(sizeof *chunk + 65536);
    ssize_t count = recv(direction.from, chunk->bytes, 65536, 0);
    if (count <= 0) {
      is_over = true;
      free(chunk);
      continue;
    }
    chunk->next = NULL;
    chunk->due = nanoseconds() + direction.delay;
    chunk->length = (size_t)count;
    if (last) last->next = chunk;
    else first = chunk;
    last = chunk;
  }
  shutdown(direction.to, SHUT_WR);
  return NULL;
}

static void start(void *(*body)(void *), void *context) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, context) != 0) abort();
  pthread_detach(thread);
}

static void start_forwarding(int from, int to) {
  struct direction *direction = malloc(sizeof *direction);
  *direction = (struct direction){.from = from, .to = to, .delay = delay_of_proxy};
  start(forward, direction);
}

static void *accept_all(void *context) {
  int listener = (int)(intptr_t)context, on = 1;
  int client;
  while ((client = accept(listener, NULL, NULL)) >= 0) {
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of_server)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) abort();
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    start_forwarding(client, server);
    start_forwarding(server, client);
  }
  return NULL;
}

int postgres_baseline_delay(int port, long delay) {
  port_of_server = port;
  delay_of_proxy = delay;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 128) != 0) abort();
  getsockname(listener, (struct sockaddr *)&address, &length);
  start(accept_all, (void *)(intptr_t)listener);
  return ntohs(address.sin_port);
}

#endif
