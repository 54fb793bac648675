// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLPQ_SHIM_H
#define CLOCKPOOLPQ_SHIM_H

#include <libpq-fe.h>
#include <string.h>
#include <strings.h>

// Returns whether a text contains a word of lower-case letters and other ASCII, ignoring case.
static inline int clockpool_mentions(const char *_Nonnull text, const char *_Nonnull word) {
  size_t length = strlen(word);
  for (char first = word[0]; *text; text += 1) {
    if ((*text == first || (*text | 0x20) == first) && strncasecmp(text, word, length) == 0) return 1;
  }
  return 0;
}

// Returns the settings that are compared when a connection is released; NULL after the last one.
// Settings that other parties change, such as `in_hot_standby`, are not compared. Servers report
// `search_path` from version 18.
static inline const char *_Nullable clockpool_compared_setting(int index) {
  static const char *const names[] = {
    "TimeZone", "standard_conforming_strings", "session_authorization", "IntervalStyle", "DateStyle",
    "default_transaction_read_only", "search_path", NULL};
  return names[index];
}

// Returns whether the server last reported the same values of the first `count` settings. `values`
// contains them one after another, each with its terminating zero; an empty one represents a
// setting that is not reported.
static inline int clockpool_reports_match(const PGconn *_Nonnull connection, const char *_Nonnull values, int count) {
  for (int index = 0; index < count; index += 1) {
    const char *value = PQparameterStatus(connection, clockpool_compared_setting(index));
    if (!value) value = "";
    for (; *value && *value == *values; value += 1) values += 1;
    if (*value != *values) return 0;
    values += 1;
  }
  return 1;
}

#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__linux__)
// Declared by the system's headers only with _GNU_SOURCE.
int pipe2(int ends[2], int flags);
#endif

// Creates a pipe. On Linux, no child process inherits its ends. Elsewhere, a child process that
// starts during the call may. Returns 0, or -1 with the reason in errno.
static inline int clockpool_pipe(int *_Nonnull reader, int *_Nonnull writer) {
  int ends[2];
#if defined(__linux__)
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
#else
  if (pipe(ends) != 0) return -1;
  for (int index = 0; index < 2; index += 1) fcntl(ends[index], F_SETFD, FD_CLOEXEC);
#endif
  *reader = ends[0];
  *writer = ends[1];
  return 0;
}

// Returns the number of bytes that can be read from a socket at once; 0 if that is unknown.
static inline int clockpool_unread(int descriptor) {
  int count = 0;
  return ioctl(descriptor, FIONREAD, &count) == 0 && count > 0 ? count : 0;
}

#if defined(__linux__)

// Makes a TCP connection keep what does not fill a packet, or sends what it keeps. Has no effect
// on other sockets.
static inline void clockpool_gather(int descriptor, int gathers) {
  const int tcp = 6, tcp_cork = 3;
  setsockopt(descriptor, tcp, tcp_cork, &gathers, sizeof gathers);
}

// The beginning of Linux's `struct tcp_info`. Its layout is fixed, and its header conflicts with
// those of the C libraries.
struct clockpool_tcp_info {
  uint8_t earlier[128];
  uint64_t bytes_received;
  uint8_t between[12];
  uint32_t min_rtt;
};

static inline int clockpool_get_tcp_info(int descriptor, struct clockpool_tcp_info *_Nonnull info) {
  socklen_t length = sizeof *info;
  const int tcp = 6, tcp_info = 11;
  return getsockopt(descriptor, tcp, tcp_info, info, &length) == 0 && length == sizeof *info;
}

#elif defined(__APPLE__)

#include <netinet/in.h>
#include <netinet/tcp.h>

#endif

// Returns the shortest round trip that the system has measured on a TCP connection, in
// microseconds; 0 for another socket, and if the system does not report it.
static inline uint32_t clockpool_round_trip(int descriptor) {
#if defined(__linux__)
  struct clockpool_tcp_info info;
  return clockpool_get_tcp_info(descriptor, &info) ? info.min_rtt : 0;
#else
  return 0;
#endif
}

// Returns the number of bytes that a TCP connection has received; -1 for another socket.
static inline int64_t clockpool_received(int descriptor) {
#if defined(__linux__)
  struct clockpool_tcp_info info;
  return clockpool_get_tcp_info(descriptor, &info) ? (int64_t)info.bytes_received : -1;
#elif defined(__APPLE__)
  struct tcp_connection_info info;
  socklen_t length = sizeof info;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &length) != 0) return -1;
  return (int64_t)info.tcpi_rxbytes;
#else
  return -1;
#endif
}

#if defined(__linux__)

// The C library's Swift module omits these.
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static inline int clockpool_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data = {.u64 = token}};
  return epoll_ctl(epoll, operation, descriptor, &event) == 0 ? 0 : errno;
}

static inline int clockpool_epoll_add(int epoll, int descriptor, uint64_t token) {
  return clockpool_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET, token);
}

// Makes a registered socket also be reported when it is writable, at once if it is now.
static inline int clockpool_epoll_add_writing(int epoll, int descriptor, uint64_t token) {
  return clockpool_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token);
}

// Makes a registered socket no longer be reported when it is writable.
static inline int clockpool_epoll_end_writing(int epoll, int descriptor, uint64_t token) {
  return clockpool_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET, token);
}

// Has a socket no longer reported, except that it is closed, until its registration is changed again.
static inline int clockpool_epoll_pause(int epoll, int descriptor, uint64_t token) {
  return clockpool_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, EPOLLET, token);
}

static inline int clockpool_epoll_remove(int epoll, int descriptor) {
  return clockpool_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
}

// Creates the event that `clockpool_epoll_wake` triggers. Edge-triggered, so that it need not be
// read.
static inline int clockpool_epoll_add_event(int epoll) {
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event >= 0) clockpool_epoll_control(epoll, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET, 0);
  return event;
}

static inline void clockpool_epoll_wake(int event) { eventfd_write(event, 1); }

// Blocks until a descriptor is ready, and stores the tokens of all that are, with the bit
// `peer_closed` if the peer has closed the socket. Returns their number.
static inline int clockpool_epoll_wait(
  int epoll, uint64_t *_Nonnull tokens, int capacity, int milliseconds, uint64_t peer_closed) {
  struct epoll_event events[64];
  int count = epoll_wait(epoll, events, capacity < 64 ? capacity : 64, milliseconds);
  for (int index = 0; index < count; index += 1) {
    int is_closed = (events[index].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    tokens[index] = events[index].data.u64 | (is_closed ? peer_closed : 0);
  }
  return count;
}

static inline int clockpool_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

#endif

#endif
