// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The arguments of one call of a function, decoded in order.
@safe
struct FunctionArguments {
    private let source: Unmanaged<FunctionCellSource>
    private let values: UnsafeBufferPointer<OpaquePointer?>
    private var index = 0

    /// - Parameters:
    ///   - values: SQLite's values, valid during the call.
    ///   - source: Outlives the call.
    init(_ values: UnsafeBufferPointer<OpaquePointer?>, of source: FunctionCellSource) {
        unsafe self.source = .passUnretained(source)
        unsafe self.values = values
    }

    /// Decodes all arguments.
    mutating func decode<each Argument: SQLiteDecodable>() throws(SQLiteError) -> (repeat each Argument) {
        (repeat try next((each Argument).self))
    }

    /// Copies all arguments.
    mutating func copies() throws(SQLiteError) -> [SQLiteValue] {
        var copies: [SQLiteValue] = []
        unsafe copies.reserveCapacity(values.count)
        while unsafe index < values.count { copies.append(try next(SQLiteValue.self)) }
        return copies
    }

    private mutating func next<Argument: SQLiteDecodable>(_: Argument.Type) throws(SQLiteError) -> Argument {
        // SQLite passes as many arguments as the function was registered with.
        let cell = unsafe SQLiteCell(index, values[index]!, source.toOpaque())
        index += 1
        return try Argument(cell: cell)
    }
}

/// The arguments of a function as the source of cells.
final class FunctionCellSource: CellSource {
    private let name: String

    init(name: String, _ strategies: ValueStrategies) {
        self.name = name
        super.init(text: "")
        self.strategies = strategies
    }

    override func columnName(_ index: Int) -> String { "argument \(index + 1) of \(name)()" }
    override func declaredType(_ index: Int) -> String? { nil }
    override func description(_ index: Int, stored type: SQLiteValue.StorageType) -> String {
        "\(columnName(index)) (\(type))"
    }
}
