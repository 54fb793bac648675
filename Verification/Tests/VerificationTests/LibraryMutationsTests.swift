// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// The tests of the libraries, run on libraries with a bug each. Takes about a minute for each
/// bug: `Scripts/test --mutations`.
@Suite(.serialized) struct LibraryMutationsTests {
    private static let copy = Task { try await LibraryCopy(for: SeededBug.chosen) }
    private static let progress = Mutex((count: 0, survivors: [String]()))

    @Test("The test that is named for a bug finds it", arguments: SeededBug.chosen)
    func found(_ bug: SeededBug) async throws {
        let finding = try await Self.copy.value.finding(of: bug)
        #expect(finding != nil, "\(bug.test) passes with the bug")
        Self.report(bug, finding)
    }

    private static func report(_ bug: SeededBug, _ finding: String?) {
        progress.withLock { progress in
            progress.count += 1
            if finding == nil { progress.survivors.append(bug.testDescription) }
            let (count, total) = (progress.count, SeededBug.chosen.count)
            print("[\(count) of \(total)] \(bug.testDescription): \(finding ?? "SURVIVES \(bug.test)")")
            if count == total {
                print("Of \(total) bugs, \(total - progress.survivors.count) were found.")
                for survivor in progress.survivors { print("  survives: \(survivor)") }
            }
            fflush(nil)
        }
    }
}
