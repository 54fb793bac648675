// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What the text of a statement is written in, as far as it takes to tell parameters from everything else.
public enum SQLDialect: Sendable, Hashable {
    /// SQLite's: parameters are `?`.
    case sqlite
    /// PostgreSQL's: parameters are `$1` and so on.
    case postgres

    /// What the database takes for the parameter with this number, from 1.
    func parameter(_ number: Int) -> String {
        switch self {
        case .sqlite: "?"
        case .postgres: "$\(number)"
        }
    }
}
