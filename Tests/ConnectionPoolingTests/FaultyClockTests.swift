// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite struct FaultyClockTests {
    @Test(
        "A clock that runs fast, stands still or steps back leaves each caller its answer, and ends no process",
        .timeLimit(.minutes(1)),
        arguments: ["fast", "still", "backwards"]
    )
    func faultyClock(fault: String) async throws {
        let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let (status, output) = try await ChildProcess.run([build.appending(path: "pool-clock-child").path, fault])
        #expect(status == 0, "\(output)")
        #expect(output == "answered\n")
    }
}
