# Turns the program for SQLite into the one for PostgreSQL, in the folder Examples:
#     sed -f dialect.sed Sources/SQLiteProgram/main.swift > Sources/PostgresProgram/main.swift
# Exchanges the names of types, the SQL dialect, and the two differences that Docs/API.md explains:
# bodies suspend, and every transaction may write.
s/SQLite\([A-Z]\)/Postgres\1/g
s/sqliteParameter/postgresParameter/g
s/"program\.sqlite"/databaseURL/
s/pool\.write {/pool.withTransaction {/
s/try db\./try await db./
s/PRAGMA case_sensitive_like = ON/SET search_path = public/
s/WITH RECURSIVE .* FROM n"/SELECT 1 FROM pg_sleep(60)"/
s/SELECT \\(Unit\.litre)/SELECT \\(Unit.litre)::text/
