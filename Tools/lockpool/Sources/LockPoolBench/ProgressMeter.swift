// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Reports the progress of a run on standard error: on a terminal in one line that is overwritten,
/// otherwise in a line per second.
public struct ProgressMeter: Sendable {
    private enum Style {
        case silent
        case lines
        case terminal
    }

    private let style: Style

    /// Creates a meter for standard error.
    public init(isQuiet: Bool) {
        style = isQuiet ? .silent : isatty(STDERR_FILENO) == 1 ? .terminal : .lines
    }

    /// Writes a permanent line.
    public func say(_ line: String) {
        guard style != .silent else { return }
        write(line + "\n")
    }

    /// Writes the progress of a run.
    func show(_ status: ProgressStatus) {
        switch style {
        case .silent: break
        case .lines: write(status.line + "\n")
        // A carriage return, the text, and the sequence that clears the rest of the line.
        case .terminal: write("\r" + status.line + "\u{1B}[K")
        }
    }

    /// Ends the line that is overwritten.
    func finish() {
        if style == .terminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}

/// The progress of a run.
struct ProgressStatus: Sendable, Hashable {
    var elapsedSeconds: Int
    var totalSeconds: Double
    var checkouts: Int
    /// In the last second.
    var checkoutsPerSecond: Int
    var failures: Int

    var line: String {
        "  \(elapsedSeconds) of \(totalSeconds.oneDecimal) s: \(checkouts.grouped) checkouts, "
            + "\(checkoutsPerSecond.grouped) per second"
            + (failures == 0 ? "" : ", \(failures.grouped) errors")
    }
}
