// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteError {
    /// The codes of errors: SQLite's result codes, which are positive, and the library's own,
    /// which are negative.
    ///
    /// Later versions of the library or of SQLite may add codes.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number.
        public let rawValue: Int32

        /// Creates a code from a number, which may be unknown.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        private init(_ rawValue: Int32) { self.rawValue = rawValue }

        /// The primary code of an extended SQLite code; any other code itself.
        public var primary: Code { rawValue > 0 ? Code(rawValue & 0xff) : self }
    }
}

// MARK: - SQLite's primary codes

extension SQLiteError.Code {
    /// The statement is invalid, or a function in it failed.
    public static let error = Self(1)
    /// SQLite detected an internal error.
    public static let internalFault = Self(2)
    /// The access was refused.
    public static let permission = Self(3)
    /// A rollback ended the statement.
    public static let abort = Self(4)
    /// Another process held a lock for longer than the busy timeout.
    public static let busy = Self(5)
    /// The same connection, or one that shares its cache, holds a lock.
    public static let locked = Self(6)
    /// No memory is available.
    public static let outOfMemory = Self(7)
    /// The database or the connection is read-only.
    public static let readOnly = Self(8)
    /// The statement was interrupted.
    public static let interrupted = Self(9)
    /// The operating system failed to read or write.
    public static let inputOutput = Self(10)
    /// The database file is damaged.
    public static let corrupt = Self(11)
    /// The disk, or the database, is full.
    public static let full = Self(13)
    /// The file cannot be opened.
    public static let cannotOpen = Self(14)
    /// The locking protocol of the write-ahead log failed, because many processes use it at a
    /// time.
    public static let protocolFailure = Self(15)
    /// The schema changed repeatedly while the statement ran.
    public static let schemaChanged = Self(17)
    /// A text, a blob or a statement is longer than SQLite's limit.
    public static let tooBig = Self(18)
    /// A constraint was violated.
    public static let constraint = Self(19)
    /// The type of a value does not fit where SQLite requires one.
    public static let typeMismatch = Self(20)
    /// SQLite was used incorrectly.
    public static let misuse = Self(21)
    /// The statement does something that is not allowed.
    public static let authorization = Self(23)
    /// There is no parameter with this number.
    public static let range = Self(25)
    /// The file is not a database.
    public static let notADatabase = Self(26)
}

// MARK: - SQLite's extended codes

extension SQLiteError.Code {
    /// Another process is recovering the write-ahead log.
    public static let busyRecovery = Self(261)
    /// A transaction that has read cannot write, because another connection has written since.
    public static let busySnapshot = Self(517)
    /// The rollback of its transaction ended the statement.
    public static let abortRollback = Self(516)
    /// The write-ahead log needs recovery, which a read-only connection cannot do.
    public static let readOnlyRecovery = Self(264)
    /// The file was moved or deleted after it was opened.
    public static let readOnlyMoved = Self(1032)
    /// The folder of the database is not writable.
    public static let readOnlyDirectory = Self(1544)
    /// The path names a folder.
    public static let cannotOpenDirectory = Self(526)
    /// A `CHECK` constraint was violated.
    public static let constraintCheck = Self(275)
    /// A foreign key refers to a missing row.
    public static let constraintForeignKey = Self(787)
    /// A `NOT NULL` column would become `NULL`.
    public static let constraintNotNull = Self(1299)
    /// A row with the same primary key exists.
    public static let constraintPrimaryKey = Self(1555)
    /// A trigger rejected the change.
    public static let constraintTrigger = Self(1811)
    /// A row with the same unique value exists.
    public static let constraintUnique = Self(2067)
    /// A row with the same row ID exists.
    public static let constraintRowID = Self(2579)
    /// A strict table rejected the type of a value.
    public static let constraintDataType = Self(3091)
}

// MARK: - The library's own codes

extension SQLiteError.Code {
    /// The row has more or fewer columns than the caller decodes, or no column with this index or
    /// name.
    public static let columnCount = Self(-1)
    /// The value of a column does not fit the type that it is decoded as.
    public static let decoding = Self(-2)
    /// The closure of a ``SQLiteFunction`` threw an error that is not a ``SQLiteError``.
    public static let functionFailed = Self(-35)
    /// A statement of `queryOne` returned no row.
    public static let noRows = Self(-33)
    /// A statement of `queryOne` returned more than one row.
    public static let tooManyRows = Self(-34)
    /// The numbers of parameters and values differ. A value that is interpolated within quotes or
    /// a comment has no parameter.
    public static let parameterCount = Self(-3)
    /// The text has no statement, or more than one.
    public static let statementCount = Self(-4)
    /// A path or a statement contains a NUL character.
    public static let nulCharacter = Self(-5)
    /// A field of the configuration, or the path, is invalid.
    public static let invalidConfiguration = Self(-6)
    /// The statement begins or ends a transaction that belongs to the pool.
    public static let transactionControl = Self(-7)
    /// SQLite rolled the transaction back because of an error, and the body continued.
    public static let transactionAborted = Self(-8)
    /// SQLite may run the statement while it is only described.
    public static let notDescribable = Self(-9)
    /// The database cannot have a write-ahead log.
    public static let writeAheadLogUnavailable = Self(-10)
    /// The file changed while it was read without locks.
    public static let fileChanged = Self(-11)
    /// The operating system could not create a thread for the connection.
    public static let threadUnavailable = Self(-12)
    /// The connection is closed.
    public static let closed = Self(-13)
    /// The key of a pool is not valid for the name of a file.
    public static let invalidKey = Self(-36)
    /// Another key of the same ``SQLitePools`` has the same file.
    public static let sharedFile = Self(-37)
    /// A parameter has no value, a value has no parameter, or a name has two values.
    public static let parameterName = Self(-14)
    /// The hook `afterConnect` threw an error that is not a ``SQLiteError``, or the hook
    /// `beforeHandOut` rejected a new connection.
    public static let connectFailed = Self(-15)
    /// A read held its connection for longer than ``SQLiteConfiguration/maximumReadDuration``
    /// allows.
    public static let readDurationExceeded = Self(-25)
    /// The statements of a call executed more instructions than
    /// ``SQLiteConfiguration/Limits/steps`` allows.
    public static let stepLimitExceeded = Self(-30)
    /// The rows of a call have more bytes than ``SQLiteConfiguration/Limits/resultBytes`` allows.
    public static let resultLimitExceeded = Self(-31)
    /// The value of a parameter cannot be stored exactly. The statement has not run.
    ///
    /// The value is a number above `Int64.max`, a NaN, a date that the pool's strategy does not
    /// represent, a list with an unsupported element, or a value that its type declares invalid.
    /// Or a joined part has written numbers that cannot be raised.
    public static let encoding = Self(-16)
    /// A statement sorts or groups by a parameter alone, which has no effect. The statement has
    /// not run.
    public static let misplacedParameter = Self(-32)
    /// The call's `timeout` ended before its body did. The writes of the body are rolled back.
    public static let timedOut = Self(-20)
    /// A body called a blocking method of its own pool, which would wait for the connection of the
    /// body. The call fails immediately.
    public static let deadlock = Self(-17)
    /// A closure began a transaction and returned without ending it. The transaction is rolled
    /// back.
    public static let transactionLeftOpen = Self(-21)
    /// Another write in the same transaction lost the whole transaction. Nothing has changed; the
    /// same call may succeed.
    public static let sharedTransactionLost = Self(-22)
    /// The statement could undo the other writes in the same transaction. It has not run.
    public static let unshareable = Self(-23)
    /// The pragma would break the pool, or SQLite ignores it within a transaction. It has not run.
    public static let refusedPragma = Self(-24)
}
