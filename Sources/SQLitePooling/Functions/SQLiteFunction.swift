// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A function that statements can call, implemented by a closure.
///
/// The functions of ``SQLiteConfiguration/functions`` exist on every connection of a pool:
///
/// ```swift
/// configuration.functions = [
///     .scalar("initials", isDeterministic: true) { (name: String) in
///         name.split(separator: " ").map { String($0.prefix(1)) }.joined()
///     }
/// ]
/// let initials = try await pool.query("SELECT initials(name) FROM user", as: String.self)
/// ```
///
/// The types of the closure's parameters are the types that the arguments are decoded as, as
/// strictly as columns are: an argument of another type, or a `NULL` for a parameter that is not
/// an optional, makes the statement fail with the code `decoding`. A result that cannot be stored
/// makes it fail with the code `encoding`.
///
/// The closure runs on the connection's thread in the middle of a statement, on several threads at
/// a time if several connections call it. A cancellation or a deadline does not interrupt it. If
/// it throws, the statement fails: with the ``SQLiteError`` that it has thrown, or with the code
/// `functionFailed` and the description of another error. That description is part of the message
/// whatever ``SQLiteConfiguration/errorDetail-swift.property`` is, so that it should not contain
/// values.
///
/// Functions with the same name and different numbers of arguments are overloads.
public struct SQLiteFunction: Sendable {
    /// Whether the schema of a file can call a function: its views, triggers, defaults, `CHECK`
    /// constraints, generated columns and indexes.
    public enum SchemaUse: Hashable, Sendable {
        /// Never (`SQLITE_DIRECTONLY`), so that a file cannot run the closure.
        case never
        /// If the pragma `trusted_schema` is on, which is off by default; and in temporary views
        /// and triggers.
        case ifTrusted
        /// Always (`SQLITE_INNOCUOUS`). For a closure without side effects that may see the values
        /// of any file.
        case always
    }

    let name: String
    /// The number of arguments; `nil` for any number.
    let argumentCount: Int?
    let isDeterministic: Bool
    let schemaUse: SchemaUse
    let kind: Kind

    enum Kind: Sendable {
        case scalar(@Sendable (inout FunctionArguments) throws -> SQLiteParameter)
        case aggregate(isWindow: Bool, @Sendable () -> Accumulation)
    }
}

// MARK: - Scalar functions

extension SQLiteFunction {
    /// Returns a function that computes a value from its arguments.
    ///
    /// - Parameters:
    ///   - name: The name: letters, digits and underscores. A keyword of SQL needs quotes in
    ///     calls, as in `"nothing"()`. A function that SQLite has in every build, such as `lower`,
    ///     cannot be replaced.
    ///   - isDeterministic: Whether equal arguments always have equal results. SQLite then calls
    ///     the function once for constant arguments, and allows it in indexes and generated
    ///     columns, whose contents are wrong if the function changes.
    ///   - schemaUse: Whether the schema of a file can call the function.
    ///   - body: Computes the result. Its parameters are the arguments.
    public static func scalar<
        each Argument: SQLiteDecodable & SendableMetatype,
        Result: SQLiteEncodable & SendableMetatype
    >(
        _ name: String,
        isDeterministic: Bool = false,
        schemaUse: SchemaUse = .never,
        _ body: @escaping @Sendable (repeat each Argument) throws -> Result
    ) -> SQLiteFunction {
        SQLiteFunction(
            name: name,
            argumentCount: SQLiteConnection.count((repeat each Argument).self),
            isDeterministic: isDeterministic,
            schemaUse: schemaUse,
            kind: .scalar { arguments in
                // Named, because the optimizer of Swift 6.3 fails on a temporary pack here.
                let values: (repeat each Argument) = try arguments.decode()
                return try body(repeat each values).sqliteParameter
            }
        )
    }

    /// Returns a function that computes a value from any number of arguments.
    ///
    /// An overload with a fixed number of arguments precedes it. An argument is copied, whatever
    /// its type is; a text that is not UTF-8 makes the statement fail with the code `decoding`.
    ///
    /// - Parameters:
    ///   - name: As for ``scalar(_:isDeterministic:schemaUse:_:)``.
    ///   - isDeterministic: As for ``scalar(_:isDeterministic:schemaUse:_:)``.
    ///   - schemaUse: Whether the schema of a file can call the function.
    ///   - body: Computes the result from the arguments.
    public static func variadic<Result: SQLiteEncodable & SendableMetatype>(
        _ name: String,
        isDeterministic: Bool = false,
        schemaUse: SchemaUse = .never,
        _ body: @escaping @Sendable ([SQLiteValue]) throws -> Result
    ) -> SQLiteFunction {
        SQLiteFunction(
            name: name,
            argumentCount: nil,
            isDeterministic: isDeterministic,
            schemaUse: schemaUse,
            kind: .scalar { arguments in try body(arguments.copies()).sqliteParameter }
        )
    }
}
