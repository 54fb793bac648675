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

// Returns the number of bytes of unread input that were inspected, or -1 if they contain an error
// of the server, or the input has ended. libpq keeps an error to itself until a COPY from the
// client has ended. Each error has its severity in a field `V`. No other message contains these
// bytes: texts have no NUL, and field codes follow one.
static inline long clockpool_pq_inspect_errors(PGconn *_Nonnull connection) {
  static const char *const marks[] = {"\0VERROR", "\0VFATAL", "\0VPANIC"};
  const size_t length = 8;
  char input[1 << 15];
  if (PQgssEncInUse(connection)) return sizeof input;
  long count = clockpool_pq_peek(connection, input, sizeof input);
  if (count == 0) return -1;
  if (count < 0) return sizeof input;
  for (size_t start = 0; start + length <= (size_t)count; start += 1) {
    if (input[start] != 0 || input[start + 1] != 'V') continue;
    for (int index = 0; index < 3; index += 1) {
      // With the NUL that ends the field.
      if (memcmp(input + start, marks[index], length) == 0) return -1;
    }
  }
  return count;
}

#endif
