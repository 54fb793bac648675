// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// The location of a database, and how a ``SQLitePool`` uses it.
///
/// ```swift
/// var configuration = SQLiteConfiguration("app.sqlite")
/// configuration.pool.maximumConnections = 8
/// configuration.synchronous = .full
/// let pool = try SQLitePool(configuration)
/// ```
public struct SQLiteConfiguration: Sendable {
    /// The name of a database.
    public enum Location: Hashable, Sendable {
        /// The path of a file. A relative path is resolved against the working directory of the
        /// process. A path is never read as a URI, whatever it begins with. Put a folder, such as
        /// `./`, before a file name that comes from a user.
        ///
        /// `:memory:` is a new temporary database, which all connections of a pool share and which
        /// is removed with the pool. It is a file in a folder that only this user can open; in
        /// memory if the system has a folder for that.
        case path(String)
        /// A URI, such as `file:app.sqlite?vfs=unix-excl`, by
        /// [SQLite's rules](https://www.sqlite.org/uri.html). It may have the options `vfs`,
        /// `psow`, `cache=private`, `nolock` in a mode that does not write, and `immutable` in the
        /// mode of that name. Any other option, or a repeated one, is an error.
        case uri(String)
    }

    /// The access to the file.
    public enum Mode: Hashable, Sendable {
        /// Reads and writes, and creates a missing file.
        case readWriteCreate
        /// Reads and writes. The file must exist.
        case readWrite
        /// Reads. The file does not change by a single byte.
        ///
        /// If the database is in WAL mode, SQLite creates an empty log and its index beside the
        /// file while it reads, and leaves them there. If the process cannot create them and they
        /// do not exist, the file is read without them. A read then fails with the code
        /// `fileChanged` if the file changes during the read.
        case readOnly
        /// Reads a file that does not change while the pool has it open: on a read-only medium, or
        /// in the image of a container.
        ///
        /// SQLite takes no locks and does not detect changes; if the file changes, results are
        /// wrong. A file with a write-ahead log that is not empty is an error, because the
        /// contents of the log would be missing.
        case immutable

        var mayWrite: Bool { self == .readWriteCreate || self == .readWrite }
    }

    /// When SQLite waits until written data are on the disk.
    public enum Synchronous: String, Hashable, Sendable {
        /// At checkpoints. After a power loss the last transactions may be missing. The database
        /// is never damaged, and nothing is lost if only the process ends.
        case normal = "NORMAL"
        /// At each commit: a committed transaction survives a power loss.
        case full = "FULL"
        /// As `full`; without a write-ahead log, SQLite synchronizes the folder too.
        case extra = "EXTRA"
        /// Never. A power loss may damage the database.
        case off = "OFF"
    }

    /// The database.
    public var location: Location

    /// The number of readers, and the settings that every connection pool has: its name, the
    /// timeouts of callers, the tests and replacement of connections.
    ///
    /// It configures the pool of the readers. `maximumConnections` is the maximum number of
    /// readers, 4 by default; each has a thread. The writer's pool has the same settings, and a
    /// maximum of one connection. A pool reserves 96 bytes for each of its `maximumWaiters`, which
    /// are 4,096 by default for readers and as many for the writer.
    ///
    /// The name is `SQLite` by default, and the connection pools are named after it: `SQLite
    /// readers` and `SQLite writer`. Further pools with the default name are named “SQLite 2” and
    /// so on, in order of creation.
    ///
    /// A file does not disconnect, and an open one costs almost nothing. So by default, idle
    /// connections are neither tested nor closed, and connections are not replaced with age. A
    /// test reads the file, and checks that it is still at its path. `connectTimeout` is 8
    /// seconds, because the recovery of a write-ahead log reads all of it. An error of opening is
    /// permanent for the callers that wait, so that `initialBackoff` and `maximumBackoff`, zero by
    /// default, only delay later attempts.
    public var pool = Self.defaultPool

    /// The access to the file; `.readWriteCreate` by default.
    public var mode = Mode.readWriteCreate

    /// How long a statement waits for a lock of another process, at most a day; 5 seconds by
    /// default. Writes of this pool wait in FIFO order for the writer instead.
    public var busyTimeout = Duration.seconds(5)

    /// When SQLite waits for the disk; `.normal` by default.
    public var synchronous = Synchronous.normal

    /// Whether foreign keys are enforced; `true` by default.
    public var foreignKeys = true

    /// The maximum size of each connection's page cache, in KiB, from 0 to 16,777,216; 8,192 by
    /// default.
    public var cacheSizeKiB = 8_192

    /// The part of the file that is memory-mapped instead of read into the cache, in bytes; 0,
    /// none, by default. With a mapping, an I/O error or a truncation of the file by another
    /// process ends this process.
    public var mmapSizeBytes = 0

    /// The maximum number of prepared statements that each connection caches, from 0 to 10,000;
    /// 128 by default.
    public var statementCacheCapacity = 128

    /// Settings that have no field, in the order in which they are set; none by default. They are
    /// set before the file is created, so that `page_size` and `auto_vacuum` apply to a new file.
    /// Statements that can run later belong in ``setup``.
    public var pragmas: [Pragma] = []

    /// The longest time that a read may hold its connection, at most a day; `nil`, no limit, by
    /// default.
    ///
    /// The read also holds a snapshot, which keeps the write-ahead log growing. A read that
    /// exceeds the limit fails with the code `readDurationExceeded`, in the middle of a statement
    /// or at the next one. A closure that computes without running a statement is not stopped, nor
    /// is a backup.
    public var maximumReadDuration: Duration?

    /// When and how the write-ahead log is copied into the database file.
    public var checkpoints = Checkpoints()

    /// The statements that run on each new connection, readers and writer, after all settings;
    /// none by default. They attach databases, create temporary tables, or set what has no field.
    ///
    /// Each element is one statement. If one fails, or if they leave a transaction open, the
    /// connection fails. A setting that a body changes is restored to the value that they have
    /// set.
    public var setup: [SQLiteQuery] = []

    /// The functions that statements can call, on each connection; none by default.
    public var functions: [SQLiteFunction] = []

    /// The collations that statements and schemas can use, on each connection; none by default.
    public var collations: [SQLiteCollation] = []

    /// The extensions that each new connection loads, before ``pragmas`` and ``setup``; none by
    /// default. No other extension can be loaded.
    public var extensions: [Extension] = []

    /// Whether the writer refreshes the planner's statistics before it is closed; `true` by
    /// default.
    ///
    /// The writer analyses the tables that a planner of the pool's connections needs statistics
    /// for, as ``optimizeInterval`` describes. It reads a few hundred rows of each index.
    public var optimizesOnClose = true

    /// The shortest time between two refreshes of the planner's statistics while the pool is open,
    /// from a second to 31 days; an hour by default, `nil` for none.
    ///
    /// Once in an interval, and when it is closed, each connection asks SQLite which tables it has
    /// planned queries for without current statistics (`PRAGMA optimize`). The writer then
    /// analyses those tables, and the other connections load the statistics. All of this follows
    /// the outcome of a call, so that an idle pool does none of it. The writer analyses one table
    /// after one call and reads about 400 rows of each index, or the number of the pragma
    /// `analysis_limit`. It waits for no lock: while another process writes, the refresh is
    /// postponed by an interval. Tables without an index over all rows are not analysed. Read-only
    /// pools and pools of untrusted files ask and refresh nothing.
    public var optimizeInterval: Duration? = .seconds(3_600)

    /// The maximum number of waiting writes that share one transaction, from 1 to 10,000; 1, no
    /// sharing, by default.
    ///
    /// Each write has its own savepoint and its own outcome, which it receives after the commit.
    /// If the commit fails, all of them fail. If a write loses the transaction by a full disk or
    /// an I/O error, the earlier writes of the group fail with the code `sharedTransactionLost`. A
    /// statement that could roll back the others fails with the code `unshareable`. If the schema
    /// mentions `ROLLBACK`, no commit is shared.
    ///
    /// After other writes of the group, a writing statement is not interrupted in its middle, so
    /// sharing is for short writes. While members of the last group have not called again, a group
    /// waits for the next of them, for some microseconds at most.
    public var maximumWritesPerCommit = 1

    /// The origin of the contents of the file.
    public enum Trust: Hashable, Sendable {
        /// The program, or other programs with the same trust.
        case trusted
        /// Another origin: an upload, a download, a device. The limits of
        /// ``SQLiteConfiguration/Limits/untrusted`` apply where ``limits`` has none, each page is
        /// checked when it is read (`cell_size_check`), and the file is not memory-mapped.
        case untrusted
    }

    /// The origin of the contents of the file; `.trusted` by default.
    ///
    /// With either value, views, triggers, defaults and the like cannot call functions and virtual
    /// tables with side effects (`trusted_schema` is off; a pragma can turn it on for a trusted
    /// file), and only ``extensions`` are loaded.
    public var trust = Trust.trusted

    /// The limits of a call; none by default for a trusted file.
    public var limits = Limits()

    /// Whether statements that can damage the file fail or have no effect; `true` by default.
    /// These are `writable_schema`, writes to shadow tables and to `sqlite_dbpage`, and
    /// `journal_mode = OFF` (`SQLITE_DBCONFIG_DEFENSIVE`). The check costs nothing.
    public var isDefensive = true

    /// The permissions of a database file that the pool creates, and of its log and journal, from
    /// `0o600` to `0o666`; `nil` by default.
    ///
    /// The permissions are independent of the process's umask, and the file never has more. With
    /// `nil`, SQLite creates the file with `0o644`, less the umask. An existing file keeps its
    /// permissions.
    public var filePermissions: UInt16?

    /// Whether the file may be on a network file system; `false` by default.
    ///
    /// Opening such a file otherwise fails with the code `writeAheadLogUnavailable`, because the
    /// index of the log is memory that hosts do not share. Set it only if a single host uses the
    /// file and the file system's locks work. The mode `immutable` does not need it.
    public var allowsNetworkFileSystems = false

    /// The detail of error messages.
    public enum ErrorDetail: Hashable, Sendable {
        /// The parts without values: SQLite's messages about statements and schemas, and the
        /// constant parts of messages of functions, virtual tables and triggers.
        case redacted
        /// SQLite's whole message, which may contain bound or stored values. For development.
        case full
    }

    /// The detail of error messages; `.redacted` by default. The text of the statement, with its
    /// literals, is always shown.
    public var errorDetail = ErrorDetail.redacted

    /// The stored form of a `Date`, and the unit of a number that is decoded as a `Date`;
    /// `.text()` by default, which keeps microseconds.
    public var dates = DateStrategy.text()

    /// The stored form of a `UUID`; `.uppercaseText` by default. A `UUID` equals a stored one only
    /// in the same form.
    public var uuids = UUIDStrategy.uppercaseText

    /// The relation between columns and properties of a `Decodable` type; `.asWritten` by default.
    public var columnNames = ColumnNames.asWritten

    /// Creates a configuration with default values.
    ///
    /// - Parameter path: The path of the file, as ``Location-swift.enum/path(_:)``; by default a
    ///   temporary database.
    public init(_ path: String = ":memory:") { location = .path(path) }

    /// Creates a configuration with default values for a file that a URI names.
    ///
    /// - Parameter uri: The URI, as ``Location-swift.enum/uri(_:)``.
    public init(uri: String) { location = .uri(uri) }
}
