// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CPostgresBaseline.h"

#include <libpq-fe.h>

long postgres_baseline_stream(const char *connection, const char *statement) {
  PGconn *conn = PQconnectdb(connection);
  long rows = -1;
  volatile long length = 0;
  if (PQstatus(conn) == CONNECTION_OK && PQsendQueryParams(conn, statement, 0, NULL, NULL, NULL, NULL, 1) != 0) {
    PQsetSingleRowMode(conn);
    rows = 0;
    PGresult *result;
    while ((result = PQgetResult(conn)) != NULL) {
      if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        rows += 1;
        length += PQgetlength(result, 0, 0);
      }
      PQclear(result);
    }
  }
  PQfinish(conn);
  return rows;
}
