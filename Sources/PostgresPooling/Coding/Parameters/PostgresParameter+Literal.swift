// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresParameter.Content {
    /// Returns an array in text format. The server reads its elements with the input function of
    /// their type.
    ///
    /// - Parameters:
    ///   - dimensions: The number of elements in each dimension.
    ///   - elements: Texts and `NULL`s. Any other element yields a failure.
    static func literal(_ dimensions: [Int32], _ elements: [PostgresParameter]) -> PostgresParameter.Content {
        var (text, rest) = ("", elements[...])
        if let obstacle = appendLiteral(dimensions[...], &rest, to: &text) { return .failure(obstacle) }
        return .text(text)
    }

    /// - Returns: The reason why an element cannot be written; `nil` if all can.
    private static func appendLiteral(
        _ dimensions: ArraySlice<Int32>,
        _ elements: inout ArraySlice<PostgresParameter>,
        to text: inout String
    ) -> String? {
        text += "{"
        for index in 0..<(dimensions.first ?? 0) {
            if index > 0 { text += "," }
            if dimensions.count > 1 {
                if let obstacle = appendLiteral(dimensions.dropFirst(), &elements, to: &text) { return obstacle }
                continue
            }
            switch elements.removeFirst().content {
            case .null: text += "NULL"
            case .text(let element): text.append(quoted: element)
            case let content: return content.obstacle ?? "the elements are texts and other values"
            }
        }
        text += "}"
        return nil
    }
}

extension String {
    /// Appends a text in double quotes, with a backslash before each quote and backslash.
    fileprivate mutating func append(quoted text: String) {
        unicodeScalars.append("\"")
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { unicodeScalars.append("\\") }
            unicodeScalars.append(scalar)
        }
        unicodeScalars.append("\"")
    }
}
