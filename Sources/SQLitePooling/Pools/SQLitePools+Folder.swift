// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLitePools where Key == String {
    /// Creates pools for the files in a folder: that of the key `acme` is `acme.sqlite`.
    ///
    /// A key has 1 to 128 ASCII letters, digits, `-`, `_` and `.`, and does not begin with a
    /// period. It can therefore come from a user. Another one is an error of the call, with the
    /// code `invalidKey`.
    ///
    /// - Parameters:
    ///   - folder: The path of the folder, which must exist when a pool is opened.
    ///   - configuration: The number of open pools, and the settings of each. With the mode
    ///     `readWrite`, a missing file is an error; by default it is created.
    ///   - hooks: Callbacks for the lifecycle events of connections, of all pools.
    ///   - observers: Receive the openings and closings of pools.
    /// - Throws: As ``init(_:hooks:observers:statementObservers:clock:location:)``.
    public convenience init(
        folder: String,
        _ configuration: SQLitePoolsConfiguration = .init(),
        hooks: SQLiteHooks = .init(),
        observers: [any SQLitePoolsObserver] = []
    ) throws(SQLiteError) {
        try self.init(configuration, hooks: hooks, observers: observers) { key in
            guard key.isFileName else {
                throw SQLiteError(
                    .invalidKey,
                    "the key of a pool must have 1 to 128 letters, digits, “-”, “_” and “.”, and not begin with “.”"
                )
            }
            return .path("\(folder)/\(key).sqlite")
        }
    }
}

extension String {
    fileprivate var isFileName: Bool {
        1...128 ~= utf8.count && utf8.first != UInt8(ascii: ".")
            && utf8.allSatisfy {
                SQLiteConfiguration.isPartOfWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }
}
