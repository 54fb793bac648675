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

    static let all = shell + sqlite + postgres + cluster

    /// The bugs to run.
    static let chosen = all.filter { Mutation.isChosen($0.mutation) ?? true }
}

extension Mutation {
    /// Returns the bugs of a list to run: those that `LOCKPOOL_MUTATIONS` chooses, or the first of
    /// each file where that is not set.
    static func chosen(from list: [Mutation]) -> [Mutation] {
        var files: Set<String> = []
        return list.filter { isChosen($0) ?? files.insert($0.file).inserted }
    }

    /// Whether the description or the file of a bug contains the text in `LOCKPOOL_MUTATIONS`, as
    /// each contains the empty text; `nil` where the variable is not set.
    fileprivate static func isChosen(_ mutation: Mutation) -> Bool? {
        ProcessInfo.processInfo.environment["LOCKPOOL_MUTATIONS"].map { pattern in
            pattern.isEmpty || mutation.testDescription.contains(pattern) || mutation.file.contains(pattern)
        }
    }
}

extension Mutation {
    /// The root of the package with the libraries.
    static let package = URL(filePath: #filePath).appending(path: "../../../..").standardized
}

/// The cheap part: that the lists fit the sources.
@Suite struct SeededBugsTests {
    @Test("The original of a bug is once in its source")
    func originals() throws {
        for (folder, mutations) in [
            ("LockPool", Mutation.ofCore), ("ConnectionPooling", Mutation.ofPool), ("", SeededBug.all.map(\.mutation)),
        ] {
            for mutation in mutations {
                let file = Mutation.package.appending(path: "Sources/\(folder)/\(mutation.file)")
                #expect(throws: Never.self) { try mutation.applied(to: String(contentsOf: file, encoding: .utf8)) }
            }
        }
    }

    @Test("The test that must find a bug is in its target", arguments: SeededBug.all)
    func testIsThere(_ bug: SeededBug) throws {
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
