// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The syntax of a statement, as far as it is needed to recognize parameters.
public enum SQLDialect: Sendable, Hashable {
    /// SQLite, whose parameters are `?`.
    case sqlite
    /// PostgreSQL, whose parameters are `$1` and so on.
    case postgres

    /// Returns the placeholder of the parameter with this number, which counts from 1.
    func parameter(_ number: Int) -> String {
        switch self {
        case .sqlite: "?"
        case .postgres: "$\(number)"
        }
    }
}
