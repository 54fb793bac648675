// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A search for parameter types that the server accepts, if it refuses the types of the values.
///
/// The types of the values are tried first, because they carry the meaning of the values: a
/// `bigint` next to an `integer` column is compared as a `bigint`, and `jsonb -> 1` is an element
/// and not a key. The errors determine which other types to try.
struct TypeSearch {
    /// The types of the values.
    let declared: [UInt32]
    /// The types that were proposed last.
    private(set) var types: [UInt32]
    /// The types of the parameters for which the server could not infer one, by index.
    private var determined: [Int: UInt32] = [:]
    private var stages: [Set<Kind>] = [[.number, .array], [.text], [.number, .array, .text]]
    private var tried: Set<[UInt32]>

    private enum Kind {
        /// A `bigint`, which may be an `integer`.
        case number
        /// A `text[]`, which may be an array of another type.
        case array
        /// A text of no type, which may be a `text`.
        case text
    }

    init(declared: [UInt32]) {
        self.declared = declared
        types = declared
        tried = [declared]
    }

    /// Returns whether parameters of this type may be sent with another one.
    static func isFlexible(_ type: UInt32) -> Bool { alternative(to: type) != nil }

    /// Returns whether an error from the server may concern the types of the parameters.
    static func isAboutTypes(_ state: PostgresError.SQLState) -> Bool {
        switch state {
        // Undefined function or operator, ambiguous one, mismatch, no cast, inconsistent and
        // indeterminate parameters.
        case "42883", "42725", "42804", "42846", "42P08", "42P18": true
        default: false
        }
    }

    /// Returns whether an error from the server may concern a value that does not have the type of
    /// its parameter.
    static func isAboutValues(_ state: PostgresError.SQLState) -> Bool {
        switch state {
        // Invalid text or binary form of the type, out of its range, not a time, undefined type.
        case "22P02", "22P03", "22003", "22007", "22008", "22021", "42704", "XX000": true
        default: false
        }
    }

    /// Proposes types.
    ///
    /// - Parameters:
    ///   - state: The code of the server's error for the latest types.
    ///   - message: Its message.
    /// - Returns: The types of all parameters; `nil` if there are no more to try.
    mutating func next(after state: PostgresError.SQLState, _ message: String) -> [UInt32]? {
        guard TypeSearch.isAboutTypes(state) else { return nil }
        if state == "42P18", let index = TypeSearch.parameter(in: message), types.indices.contains(index) {
            // All other parameters have a type by now.
            guard types[index] == 0 else { return nil }
            determined[index] = declared[index] == 0 ? PostgresType.text.oid : declared[index]
            types[index] = determined[index]!
            return tried.insert(types).inserted ? types : nil
        }
        while !stages.isEmpty {
            let kinds = stages.removeFirst()
            types = declared.enumerated().map { index, type in
                if let type = determined[index] { return type }
                guard let (other, kind) = TypeSearch.alternative(to: type), kinds.contains(kind) else { return type }
                return other
            }
            if tried.insert(types).inserted { return types }
        }
        return nil
    }

    /// The parameters whose types differ from those of their values, and may not need to.
    var doubtful: [Int] { types.indices.filter { types[$0] != declared[$0] && determined[$0] == nil } }

    private static func alternative(to type: UInt32) -> (type: UInt32, kind: Kind)? {
        switch PostgresType(oid: type) {
        case .int8: (PostgresType.int4.oid, .number)
        case .unspecified: (PostgresType.text.oid, .text)
        case PostgresType.text.arrayType: (PostgresType.unspecified.oid, .array)
        default: nil
        }
    }

    /// Returns the index of the parameter that a message names, such as `$2`. Messages are
    /// translated, but `$2` is not.
    private static func parameter(in message: String) -> Int? {
        guard let sign = message.firstIndex(of: "$") else { return nil }
        return Int(message[sign...].dropFirst().prefix { $0.isASCII && $0.isNumber }).map { $0 - 1 }
    }
}
