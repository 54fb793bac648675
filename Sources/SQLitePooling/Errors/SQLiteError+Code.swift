// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteError {
    /// The kinds of failure: SQLite's result codes, which are positive, and the library's own, which are negative.
    ///
    /// More may come with a later version, of this library or of SQLite.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number.
        public let rawValue: Int32

        /// The code with this number, known or not.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        private init(_ rawValue: Int32) { self.rawValue = rawValue }

        /// What the code is a variant of: SQLite's extended codes have a primary one; all others are their own.
        public var primary: Code { rawValue > 0 ? Code(rawValue & 0xff) : self }
    }
}

// MARK: - SQLite's primary codes

extension SQLiteError.Code {
    /// The statement is wrong, or a function in it failed.
    public static let error = Self(1)
    /// SQLite found a fault in itself.
    public static let internalFault = Self(2)
    /// The access was refused.
    public static let permission = Self(3)
    /// The statement was ended by a rollback.
    public static let abort = Self(4)
    /// Another process held a lock for longer than the busy timeout.
    public static let busy = Self(5)
    /// The same connection, or one that shares its cache, holds a lock.
    public static let locked = Self(6)
    /// There is no memory left.
    public static let outOfMemory = Self(7)
    /// The database, or the connection, is for reading only.
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
    /// The locking protocol of the write-ahead log failed, because of many processes at a time.
    public static let protocolFailure = Self(15)
    /// The schema changed while the statement ran, again and again.
    public static let schemaChanged = Self(17)
    /// A text, a blob or a statement is longer than SQLite's limit.
    public static let tooBig = Self(18)
    /// A constraint was violated.
    public static let constraint = Self(19)
    /// The type of a value does not fit where SQLite insists on one.
    public static let typeMismatch = Self(20)
    /// SQLite was used wrongly.
    public static let misuse = Self(21)
    /// The statement does what is not allowed.
    public static let authorization = Self(23)
    /// There is no parameter with this number.
    public static let range = Self(25)
    /// The file is not a database.
    public static let notADatabase = Self(26)
}

// MARK: - SQLite's extended codes

extension SQLiteError.Code {
    /// Another process recovers the write-ahead log.
    public static let busyRecovery = Self(261)
    /// A transaction that has read cannot write, because another connection has written since.
    public static let busySnapshot = Self(517)
    /// The statement was ended by the rollback of its transaction.
    public static let abortRollback = Self(516)
    /// The write-ahead log needs recovery, which a connection for reading only cannot do.
    public static let readOnlyRecovery = Self(264)
    /// The file was moved or deleted after it had been opened.
    public static let readOnlyMoved = Self(1032)
    /// The folder of the database cannot be written to.
    public static let readOnlyDirectory = Self(1544)
    /// The path is a folder's.
    public static let cannotOpenDirectory = Self(526)
    /// A `CHECK` constraint was violated.
    public static let constraintCheck = Self(275)
    /// A foreign key refers to no row.
    public static let constraintForeignKey = Self(787)
    /// A column that is `NOT NULL` was to become `NULL`.
    public static let constraintNotNull = Self(1299)
    /// A primary key exists already.
    public static let constraintPrimaryKey = Self(1555)
    /// A trigger refused the change.
    public static let constraintTrigger = Self(1811)
    /// A value that is to be unique exists already.
    public static let constraintUnique = Self(2067)
    /// A row ID exists already.
    public static let constraintRowID = Self(2579)
    /// A strict table refused the type of a value.
    public static let constraintDataType = Self(3091)
}

// MARK: - The library's own codes

extension SQLiteError.Code {
    /// The statement has more or fewer columns than are to be decoded, or none at this index.
    public static let columnCount = Self(-1)
    /// The value of a column does not fit the type that it is to be decoded as.
    public static let decoding = Self(-2)
    /// The statement has more or fewer parameters than values. A value that is interpolated within quotes or a comment has none.
    public static let parameterCount = Self(-3)
    /// There is not exactly one statement where one is expected.
    public static let statementCount = Self(-4)
    /// A path or a statement has a NUL character in it.
    public static let nulCharacter = Self(-5)
    /// A field of the configuration, or the path, is not usable.
    public static let invalidConfiguration = Self(-6)
    /// The statement begins or ends a transaction that belongs to the pool.
    public static let transactionControl = Self(-7)
    /// SQLite has rolled the transaction back, because of an error that the body went on after.
    public static let transactionLost = Self(-8)
    /// The statement is one that SQLite may run while it is only described.
    public static let notDescribable = Self(-9)
    /// The database cannot have a write-ahead log.
    public static let writeAheadLogUnavailable = Self(-10)
    /// The file changed while it was read as one that cannot.
    public static let fileChanged = Self(-11)
    /// The operating system gave no thread for the connection.
    public static let threadUnavailable = Self(-12)
    /// The connection is closed.
    public static let closed = Self(-13)
    /// A parameter has no value of its name, a value no parameter, or a name two values.
    public static let parameterName = Self(-14)
    /// The configuration's `onOpen` threw an error that is not a ``SQLiteError``.
    public static let openingFailed = Self(-15)
    /// A read held its connection for longer than ``SQLiteConfiguration/maximumReadDuration`` allows.
    public static let readDurationExceeded = Self(-25)
    /// The statements of a call executed more instructions than ``SQLiteLimits/steps`` allows.
    public static let stepLimitExceeded = Self(-30)
    /// The rows of a call have more bytes than ``SQLiteLimits/resultBytes`` allows.
    public static let resultLimitExceeded = Self(-31)
    /// A parameter's value cannot be stored as it is: a number above `Int64.max`, a NaN, a date that the pool's strategy does not
    /// represent, an element that a list does not hold, or what a type refuses. The statement has not run.
    public static let parameterRange = Self(-16)
    /// A parameter is all that a statement sorts or groups by, which has no effect. The statement has not run.
    public static let misplacedParameter = Self(-32)
}
