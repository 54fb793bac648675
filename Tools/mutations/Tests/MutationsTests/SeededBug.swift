// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A bug of a library, and the test of the library that has to find it.
struct SeededBug: Sendable, CustomTestStringConvertible {
    /// The change, to a file below `Sources`.
    let mutation: Mutation
    /// The test, as `Target.Suite/function`.
    let test: String

    init(_ description: String, in file: String, _ original: String, _ mutant: String, foundBy test: String) {
        mutation = Mutation(testDescription: description, file: file, original: original, mutant: mutant)
        self.test = test
    }

    var testDescription: String { mutation.testDescription }

    static let all = shell + sqlite + postgres

    /// The bugs whose description or file contains the pattern in `LOCKPOOL_MUTATIONS`; all where
    /// there is none.
    static let chosen = all.filter { bug in
        guard let pattern = ProcessInfo.processInfo.environment["LOCKPOOL_MUTATIONS"], !pattern.isEmpty else {
            return true
        }
        return bug.testDescription.contains(pattern) || bug.mutation.file.contains(pattern)
    }
}

struct MutationFailure: Error, CustomStringConvertible {
    let description: String
}

extension Mutation {
    /// The root of the package with the libraries.
    static let package = URL(filePath: #filePath).appending(path: "../../../../..").standardized

    /// Returns the text of the source with the bug.
    ///
    /// - Throws: `MutationFailure` unless the original is once in `text`.
    func applied(to text: String) throws -> String {
        let count = text.ranges(of: original).count
        guard count == 1 else {
            throw MutationFailure(description: "the source has changed: this is \(count) times in \(file): \(original)")
        }
        return text.replacing(original, with: mutant)
    }
}

/// The cheap part: that the list fits the sources.
@Suite struct SeededBugsTests {
    @Test("The original of a bug is once in its source, and its test is in the target", arguments: SeededBug.all)
    func isCurrent(_ bug: SeededBug) throws {
        let file = Mutation.package.appending(path: "Sources/\(bug.mutation.file)")
        _ = try bug.mutation.applied(to: String(contentsOf: file, encoding: .utf8))
        let names = bug.test.split { "./".contains($0) }
        try #require(names.count == 3, "\(bug.test)")
        let target = Mutation.package.appending(path: "Tests/\(names[0])")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: target.path)
        let isThere = try paths.contains { path in
            guard path.hasSuffix(".swift") else { return false }
            let text = try String(contentsOf: target.appending(path: path), encoding: .utf8)
            return text.contains(" \(names[1]) {") && text.contains("func \(names[2])(")
        }
        #expect(isThere, "there is no test \(bug.test)")
    }
}
