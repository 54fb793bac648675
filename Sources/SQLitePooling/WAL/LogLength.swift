// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The length of one database's write-ahead log, and the lengths at which the writer acts.
struct LogLength {
    /// The schema name of the database.
    let database: String
    private let settings: SQLiteConfiguration.Checkpoints

    /// The length after the last commit, in pages.
    private(set) var pages = 0
    /// The length from which a passive checkpoint is due.
    private var nextCheckpoint: Int
    /// The length from which a checkpoint also waits for readers.
    private var nextRestart: Int
    /// The longest time that the next such checkpoint waits.
    private(set) var restartTimeout: Duration

    init(of database: String, _ settings: SQLiteConfiguration.Checkpoints) {
        self.database = database
        self.settings = settings
        nextCheckpoint = settings.interval
        nextRestart = settings.restartThreshold
        restartTimeout = min(Self.shortestRestartTimeout, settings.restartTimeout)
    }

    static let shortestRestartTimeout = Duration.milliseconds(50)

    var isCheckpointDue: Bool { settings.isAutomatic && pages >= min(nextCheckpoint, nextRestart) }

    var isRestartDue: Bool { settings.isAutomatic && pages >= nextRestart }

    /// Notes the length after a commit. A shorter log than before has restarted.
    mutating func noteCommit(_ pages: Int) {
        if pages < self.pages { noteRestart() }
        self.pages = pages
    }

    /// Notes a passive checkpoint at the current length.
    mutating func notePassiveCheckpoint() { nextCheckpoint = pages + settings.interval }

    /// Notes that the next write restarts the log.
    mutating func noteRestart() {
        pages = 0
        nextCheckpoint = settings.interval
        nextRestart = settings.restartThreshold
        restartTimeout = max(restartTimeout / 2, min(Self.shortestRestartTimeout, settings.restartTimeout))
    }

    /// Notes that readers kept the log from restarting during the whole wait.
    mutating func noteFailedRestart() {
        // At the limit, the log grows by a quarter between two waits: a reader that stays for
        // minutes must not delay each write.
        let step = restartTimeout < settings.restartTimeout ? settings.interval : pages / 4
        nextRestart = pages + max(step, settings.interval)
        restartTimeout = min(restartTimeout * 2, settings.restartTimeout)
    }
}
