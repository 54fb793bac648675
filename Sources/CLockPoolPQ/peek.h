// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOCKPOOLPQ_PEEK_H
#define CLOCKPOOLPQ_PEEK_H

#include <libpq-fe.h>

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

// Nothing has arrived.
#define CLOCKPOOL_PQ_NOTHING (-1L)
// The input cannot be inspected.
#define CLOCKPOOL_PQ_UNKNOWN (-2L)

// Copies the input of a connection without consuming it. Returns the number of bytes, 0 at the end
// of the stream or after an error, or one of the above. libpq provides OpenSSL's object. OpenSSL's
// functions are looked up at run time, because libpq has loaded them and this package does not
// link with them.
static inline long clockpool_pq_peek(PGconn *_Nonnull connection, void *_Nonnull buffer, size_t size) {
  if (!PQsslInUse(connection)) {
    ssize_t count = recv(PQsocket(connection), buffer, size, MSG_PEEK | MSG_DONTWAIT);
    if (count >= 0) return (long)count;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? CLOCKPOOL_PQ_NOTHING : 0;
  }
  void *ssl = PQsslStruct(connection, "OpenSSL");
  void *program = dlopen(NULL, RTLD_LAZY);
  if (!ssl || !program) return CLOCKPOOL_PQ_UNKNOWN;
  int (*peek)(void *, void *, int) = (int (*)(void *, void *, int))dlsym(program, "SSL_peek");
  int (*error)(const void *, int) = (int (*)(const void *, int))dlsym(program, "SSL_get_error");
  void (*clear)(void) = (void (*)(void))dlsym(program, "ERR_clear_error");
  dlclose(program);
  if (!peek || !error || !clear) return CLOCKPOOL_PQ_UNKNOWN;
  clear();
  int count = peek(ssl, buffer, size < 1 << 14 ? (int)size : 1 << 14);
  if (count > 0) return count;
  // SSL_ERROR_WANT_READ and SSL_ERROR_WANT_WRITE.
  int reason = error(ssl, count);
  return reason == 2 || reason == 3 ? CLOCKPOOL_PQ_NOTHING : 0;
}

// What a socket can do now.
#define CLOCKPOOL_PQ_READABLE 1
#define CLOCKPOOL_PQ_WRITABLE 2

static inline int clockpool_pq_ready(const PGconn *_Nonnull connection) {
  struct pollfd entry = {.fd = PQsocket(connection), .events = POLLIN | POLLOUT};
  if (entry.fd < 0 || poll(&entry, 1, 0) < 0) return CLOCKPOOL_PQ_READABLE;
  return ((entry.revents & ~POLLOUT) ? CLOCKPOOL_PQ_READABLE : 0) | ((entry.revents & POLLOUT) ? CLOCKPOOL_PQ_WRITABLE : 0);
}

// Returns whether an error of the server begins at the first byte: the code of the message, its
// length, and the fields for the severity, twice, and for the code, in the order in which servers
// send them.
//
// No other bytes of the messages that a server may send during a COPY from the client match,
// wherever the input begins: notices, notifications and parameters. Their texts contain no NUL, so
// a NUL before `V` is the end of a text or part of a number. After the end of a text follows a
// field of a notice, whose severity is none of these, or the next message, whose type is not `V`;
// or else the payload of a notification or the value of a parameter, after whose NUL the next
// message would have to be of type `C`. In a number, the bytes that would have to follow make a
// length or a process identifier that is too large, or a NUL stands where `S` or `E` would.
static inline int clockpool_pq_begins_error(const char *_Nonnull input, size_t count) {
  static const char *const marks[] = {"\0VERROR\0C", "\0VFATAL\0C", "\0VPANIC\0C"};
  const size_t mark = 9, code = 5;
  if (count < 6 || input[0] != 'E' || input[5] != 'S') return 0;
  const char *end = (const char *)memchr(input + 6, 0, count - 6);
  if (!end || count - (size_t)(end - input) < mark + code + 1 || end[mark + code] != 0) return 0;
  for (size_t index = mark; index < mark + code; index += 1) {
    if (end[index] == 0) return 0;
  }
  for (int index = 0; index < 3; index += 1) {
    if (memcmp(end, marks[index], mark) == 0) return 1;
  }
  return 0;
}

// Returns the number of bytes of unread input that were inspected, or -1 if they contain an error
// of the server, or the input has ended. libpq keeps an error to itself until a COPY from the
// client has ended. What it has read by itself, such as an error that arrived with the answer to
// the COPY statement, is not seen, and then reported at the end of the COPY.
static inline long clockpool_pq_inspect_errors(PGconn *_Nonnull connection) {
  char input[1 << 15];
  if (PQgssEncInUse(connection)) return sizeof input;
  long count = clockpool_pq_peek(connection, input, sizeof input);
  if (count == 0) return -1;
  if (count < 0) return sizeof input;
  for (const char *rest = input; rest < input + count; rest += 1) {
    rest = (const char *)memchr(rest, 'E', (size_t)(input + count - rest));
    if (!rest) break;
    if (clockpool_pq_begins_error(rest, (size_t)(input + count - rest))) return -1;
  }
  return count;
}

#endif
