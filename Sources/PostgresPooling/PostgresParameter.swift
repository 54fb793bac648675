// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// The value of a parameter, as it is sent. It is made by a ``PostgresEncodable`` type.
public struct PostgresParameter: Sendable {
    enum Content: Sendable {
        case null
        case binary([UInt8])
        /// Without a NUL character, which the server's text does not have.
        case text(String)
        /// It could not be encoded; sending it is an error.
        case failed(String)
    }

    /// The object identifier of the type; 0 leaves it to the server to infer.
    let type: UInt32
    let content: Content

    /// Lends out the arrays that libpq takes parameters in.
    ///
    /// - Throws: `PostgresError` with the code `encoding` if there are too many, or one cannot be sent.
    static func withArguments(
        _ parameters: [PostgresParameter],
        _ body: (
            _ count: Int32,
            _ types: UnsafePointer<Oid>?,
            _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) -> Int32
    ) throws(PostgresError) -> Int32 {
        if parameters.isEmpty { return body(0, nil, nil, nil, nil) }
        guard parameters.count <= 65_535 else {
            throw PostgresError(.encoding, "A statement can have 65,535 parameters, not \(parameters.count).")
        }
        // One buffer for all bytes, each value with a NUL behind it, and where in it each value begins.
        var bytes: [CChar] = []
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        var formats: [Int32] = []
        for (index, parameter) in parameters.enumerated() {
            offsets.append(bytes.count)
            let start = bytes.count
            switch parameter.content {
            case .null: offsets[index] = nil
            case .binary(let value): bytes.append(contentsOf: value.lazy.map(CChar.init(bitPattern:)))
            case .text(let text):
                for byte in text.utf8 {
                    guard byte != 0 else {
                        throw PostgresError(.encoding, "The text of parameter $\(index + 1) has a NUL character.")
                    }
                    bytes.append(CChar(bitPattern: byte))
                }
            case .failed(let reason):
                throw PostgresError(.encoding, "Parameter $\(index + 1) cannot be encoded: \(reason).")
            }
            lengths.append(Int32(bytes.count - start))
            if case .text = parameter.content { formats.append(0) } else { formats.append(1) }
            bytes.append(0)
        }
        let types = parameters.map(\.type)
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            let values = unsafe offsets.map { offset in unsafe offset.map { unsafe bytes.baseAddress! + $0 } }
            return unsafe body(Int32(parameters.count), types, values, lengths, formats)
        }
    }
}

extension PostgresParameter: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The type's number, and never the value.
    public var description: String { "PostgresParameter(type: \(type))" }

    /// The type's number, and never the value.
    public var debugDescription: String { description }

    /// The type's number, and never the value.
    public var customMirror: Mirror { Mirror(self, children: ["type": type]) }
}
