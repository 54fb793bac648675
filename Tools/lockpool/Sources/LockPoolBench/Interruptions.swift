// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import Synchronization

/// Receives signals that request termination: the first is reported, the second ends the process
/// at once.
public final class Interruptions: Sendable {
    /// The reason for each signal, in the order of arrival.
    let endings: AsyncStream<BenchmarkReport.Ending>
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// Begins to receive SIGINT and SIGTERM.
    public init() {
        let (stream, continuation) = AsyncStream.makeStream(of: BenchmarkReport.Ending.self)
        endings = stream
        let watched: [(Int32, BenchmarkReport.Ending)] = [(SIGINT, .interrupt), (SIGTERM, .termination)]
        sources = Mutex(
            watched.map { number, ending in
                // A dispatch source receives a signal only if the signal's default action is
                // disabled.
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler {
                    signal(number, SIG_DFL)
                    continuation.yield(ending)
                }
                source.activate()
                return source
            }
        )
    }
}
