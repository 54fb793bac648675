// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Says on standard error how a run is getting on: on a terminal in one line that is written over, elsewhere in a line
/// for each second.
public struct ProgressMeter: Sendable {
    private enum Style {
        case silent
        case lines
        case terminal
    }

    private let style: Style

    /// A meter for standard error.
    public init(isQuiet: Bool) {
        style = isQuiet ? .silent : isatty(STDERR_FILENO) == 1 ? .terminal : .lines
    }

    /// Writes a line that stays.
    public func say(_ line: String) {
        guard style != .silent else { return }
        write(line + "\n")
    }

    /// Writes how far a run is.
    func show(_ status: ProgressStatus) {
        switch style {
        case .silent: break
        case .lines: write(status.line + "\n")
        // To the start of the line, the text, and clear the rest of the line.
        case .terminal: write("\r" + status.line + "\u{1B}[K")
        }
    }

    /// Ends the line that is written over.
    func finish() {
        if style == .terminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}

/// How far a run is.
struct ProgressStatus: Sendable, Hashable {
    var elapsedSeconds: Int
    var totalSeconds: Double
    var checkouts: Int
    /// Of the last second.
    var checkoutsPerSecond: Int
    var failures: Int

    var line: String {
        "  \(elapsedSeconds) of \(totalSeconds.oneDecimal) s: \(checkouts.grouped) checkouts, "
            + "\(checkoutsPerSecond.grouped) per second"
            + (failures == 0 ? "" : ", \(failures.grouped) errors")
    }
}
