// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// How a ``SQLitePool`` opens its file, and how many connections it has.
public struct SQLiteConfiguration: Hashable, Sendable {
    /// What is done with the file.
    public enum Mode: Hashable, Sendable {
        /// It is read and written, and made if there is none.
        case readWriteCreate
        /// It is read and written, and must exist.
        case readWrite
        /// It is read, and not a byte of it changes.
        ///
        /// If the database has a write-ahead log, SQLite makes that, empty, and its index beside the file while it reads,
        /// and leaves them there. Where it may not make them and nobody else has, the file is read without them; if it
        /// changes meanwhile, the read fails with the code `fileChanged`.
        case readOnly
        /// It is read, and is known not to change while the pool has it open: on a medium that cannot be written to, or in an
        /// image of a container.
        ///
        /// Nothing is locked, and nobody looks whether the file changes all the same; results are wrong then. A file with a
        /// write-ahead log that is not empty is refused, because what is in the log would be missing.
        case immutable

        var mayWrite: Bool { self == .readWriteCreate || self == .readWrite }
    }

    /// When SQLite waits until what it wrote is on the disk.
    public enum Synchronous: String, Hashable, Sendable {
        /// At checkpoints. After a loss of power the last transactions may be missing; the database is never damaged, and
        /// nothing is lost when only the process ends.
        case normal = "NORMAL"
        /// At each commit: what was committed survives a loss of power.
        case full = "FULL"
        /// As `full`; where there is no write-ahead log, the folder is synchronized too.
        case extra = "EXTRA"
        /// Never. A loss of power may damage the database.
        case off = "OFF"
    }

    /// The name of the pool in errors, logs and metrics, where its connections are `SQLite readers` and `SQLite writer` by
    /// default. Further pools that keep the default are named “SQLite 2” and so on, in the order in which they are made.
    public var name: String

    /// What is done with the file; `.readWriteCreate` by default.
    public var mode: Mode

    /// How many connections read at most, from 1 to 1,000; 4 by default. Each has a thread. There is always one writer.
    public var maximumReaders: Int

    /// How long a statement waits for a lock that another process holds, at most a day; 5 seconds by default. Writers of this
    /// pool wait in line for the one connection instead.
    public var busyTimeout: Duration

    /// When SQLite waits for the disk; `.normal` by default.
    public var synchronous: Synchronous

    /// Whether foreign keys are enforced; `true` by default.
    public var foreignKeys: Bool

    /// How much of the database each connection caches at most, in KiB, from 0 to 16,777,216; 8,192 by default.
    public var cacheSizeKiB: Int

    /// How much of the file is read through the address space instead of into the cache, in bytes; 0, nothing, by default: an
    /// I/O error or somebody who shortens the file would end the process.
    public var mmapSizeBytes: Int

    /// How long a call waits for a connection; 10 seconds by default.
    public var checkoutTimeout: Duration

    /// How long calls have to end by themselves when the pool is shut down; 12 seconds by default, so that a shutdown ends
    /// before an orchestrator kills the process.
    public var drainTimeout: Duration

    /// The age of a lease from which on observers are told of a leak, once, with the call site; `nil` for never, the default. At most
    /// a day.
    public var leakDetectionThreshold: Duration?

    /// How many calls may wait for the readers, and how many for the writer, from 1 to 100,000; 4,096 by default. The next is
    /// refused at once.
    ///
    /// A pool reserves 96 bytes for each in both lines when it is made: 768 KiB by default. A call that waits takes about as
    /// much again, beside its task.
    public var maximumWaiters: Int

    /// How many statements each connection keeps prepared, from 0 to 10,000; 128 by default.
    public var statementCacheCapacity: Int

    /// Settings that there is no field for, in the order in which they are made; none by default. They are made before the
    /// file is, so that `page_size` and `auto_vacuum` have an effect on a new one.
    public var pragmas: [SQLitePragma]

    /// The longest time that a read may hold its connection, and with it a snapshot that keeps the write-ahead log growing, at most
    /// a day; `nil`, no limit, by default.
    ///
    /// A read that exceeds it fails with the code `readDurationExceeded`, in the middle of a statement or at the next one. A closure that
    /// computes without running a statement is not stopped, nor is a backup.
    public var maximumReadDuration: Duration?

    /// When and how the write-ahead log is copied into the database file.
    public var checkpoints = Checkpoints()

    /// What each connection does when it is opened, after all settings; nothing by default.
    public var onOpen: SQLiteOpening?

    /// Whether the writer refreshes the planner's statistics before it is closed, `true` by
    /// default: for the tables that a planner of the pool's connections wants them for, as
    /// ``optimizeInterval`` describes. It reads a few hundred rows of each index.
    public var optimizesOnClose: Bool

    /// The shortest time between two refreshes of the planner's statistics while the pool is open,
    /// from a second to 31 days; an hour by default, `nil` for none.
    ///
    /// Once in an interval, and when it is closed, each connection asks SQLite which tables it has
    /// planned queries for without current statistics (`PRAGMA optimize`). The writer then
    /// analyses those tables, and the other connections load the statistics. All of that comes
    /// after the answer to a call, so that an idle pool does none of it. The writer analyses one
    /// table after one call and reads about 400 rows of each index, or what the pragma
    /// `analysis_limit` says. It waits for no lock: while another process writes, the refresh is
    /// put off by an interval. Tables without an index over all rows are not analysed. Pools that
    /// do not write, and those of untrusted files, ask and refresh nothing.
    public var optimizeInterval: Duration? = .seconds(3_600)

    /// How many writes that wait share one transaction at most, from 1 to 10,000; 1, none, by default.
    ///
    /// Each of them has a savepoint of its own and its own outcome, which it is told after the commit. What they share is the
    /// commit: if that fails, all of them fail. Every earlier one of the group fails with the code `sharedTransactionLost` when one of
    /// them loses the transaction by a full disk or an I/O error. A statement that could roll back the others fails with the code
    /// `unshareable`; where the schema mentions `ROLLBACK`, no commit is shared. A write statement is not interrupted in the middle once others
    /// have written before it, but ends first; so this is for writes that are short. As long as some
    /// of those who shared the last commit have not come back, a group waits for the next of them, some microseconds at most.
    public var maximumWritesPerCommit: Int

    /// Where the contents of the file come from.
    public enum Trust: Hashable, Sendable {
        /// The program, and others that are trusted as much.
        case trusted
        /// Elsewhere: an upload, a download, a device. The limits of ``SQLiteLimits/untrusted`` hold where ``limits`` says
        /// nothing, each page is checked when it is read (`cell_size_check`), and the file is not mapped into memory.
        case untrusted
    }

    /// Where the contents of the file come from; `.trusted` by default.
    ///
    /// In either case views, triggers, defaults and the like call no function and no virtual table that may do harm
    /// (`trusted_schema` is off, and a pragma can turn it on for a trusted file), and no extension is loaded.
    public var trust = Trust.trusted

    /// Bounds on what a call can take; none by default for a trusted file.
    public var limits = SQLiteLimits()

    /// Whether statements that can damage the file are refused or have no effect, `true` by default: `writable_schema`, writes
    /// to shadow tables and to `sqlite_dbpage`, `journal_mode = OFF` (`SQLITE_DBCONFIG_DEFENSIVE`). It costs nothing.
    public var isDefensive = true

    /// The permissions of a database file that the pool makes, and of the log and the journal beside it, such as `0o600`; at
    /// least that, and at most `0o666`. They do not depend on the mask of the process, and the file never has more. `nil`, the
    /// default, is what SQLite does: `0o644` without what the mask forbids. A file that exists keeps its permissions.
    public var filePermissions: UInt16?

    /// Whether the file may be on a network file system; `false` by default: opening it fails with
    /// `writeAheadLogUnavailable` there, because the index of the log is memory that hosts do not share. Right only where a
    /// single host uses the file, and the file system's locks work. A mode of `immutable` needs neither.
    public var allowsNetworkFileSystems = false

    /// What the messages of errors show.
    public enum ErrorDetail: Hashable, Sendable {
        /// What holds no value: SQLite's messages about statements and schemas, and the constant part of those of functions,
        /// virtual tables and triggers.
        case redacted
        /// Everything that SQLite says, also values that are bound or stored. For development.
        case full
    }

    /// What the messages of errors show; `.redacted` by default. The text of the statement is shown in any case, with the
    /// literals in it.
    public var errorDetail = ErrorDetail.redacted

    /// How a `Date` is stored, and which unit a number has that is decoded as a `Date`; `.text()` by default, which keeps
    /// microseconds.
    public var dates = DateStrategy.text()

    /// How a `UUID` is stored; `.uppercaseText` by default. A `UUID` that is compared with a stored one must be stored alike.
    public var uuids = UUIDStrategy.uppercaseText

    /// Which column a property of a `Decodable` type has; `.asWritten` by default.
    public var columnNames = ColumnNames.asWritten

    /// A configuration, with defaults for what is left out.
    public init(
        name: String = "SQLite",
        mode: Mode = .readWriteCreate,
        maximumReaders: Int = 4,
        busyTimeout: Duration = .seconds(5),
        synchronous: Synchronous = .normal,
        foreignKeys: Bool = true,
        cacheSizeKiB: Int = 8_192,
        mmapSizeBytes: Int = 0,
        checkoutTimeout: Duration = .seconds(10),
        drainTimeout: Duration = .seconds(12),
        maximumWaiters: Int = 4_096,
        statementCacheCapacity: Int = 128,
        pragmas: [SQLitePragma] = [],
        onOpen: SQLiteOpening? = nil,
        optimizesOnClose: Bool = true,
        maximumWritesPerCommit: Int = 1
    ) {
        self.name = name
        self.mode = mode
        self.maximumReaders = maximumReaders
        self.busyTimeout = busyTimeout
        self.synchronous = synchronous
        self.foreignKeys = foreignKeys
        self.cacheSizeKiB = cacheSizeKiB
        self.mmapSizeBytes = mmapSizeBytes
        self.checkoutTimeout = checkoutTimeout
        self.drainTimeout = drainTimeout
        self.maximumWaiters = maximumWaiters
        self.statementCacheCapacity = statementCacheCapacity
        self.pragmas = pragmas
        self.onOpen = onOpen
        self.optimizesOnClose = optimizesOnClose
        self.maximumWritesPerCommit = maximumWritesPerCommit
    }
}
