// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import LockPoolBench

/// `lockpool cluster`.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Reads from and writes to a PostgreSQL cluster, and shows what clients see of a failover.",
        discussion: """
            A fifth of the clients insert rows, the others read from the standbys. A line each second goes to standard \
            error. The table at the end tells whether an acknowledged row is missing or there twice; then the exit code is 1. \
            The rows are in the table lockpool_failover, which is dropped at the end.

            'Scripts/demo --cluster' runs this on a temporary cluster, kills its primary, and promotes a standby.
            """
    )

    @Argument(help: ArgumentHelp("The URL of the cluster, with all its hosts.", valueName: "url"))
    var url: String

    @Option(parsing: .unconditional, help: ArgumentHelp("The number of clients.", valueName: "number"))
    var clients = 64

    @Option(parsing: .unconditional, help: ArgumentHelp("The duration of the load.", valueName: "seconds"))
    var duration = 10.0

    func validate() throws {
        guard clients > 0 else { throw ValidationError("--clients must be positive") }
        guard duration > 0, duration <= 86_400 else { throw ValidationError("--duration must be from 0 to 86400") }
    }

    func run() async throws {
        let load = try ClusterLoad(url, clients: clients, seconds: duration, meter: ProgressMeter(isQuiet: false))
        let (summary, isCorrect) = try await load.run()
        print(summary, terminator: "")
        if !isCorrect { throw ExitCode.failure }
    }
}
