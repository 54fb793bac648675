// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import Synchronization

/// The signals that ask the process to end: the first is told to whoever listens, the second ends the process at once.
public final class Interruptions: Sendable {
    /// The ending that each signal brings, as it comes.
    let endings: AsyncStream<BenchmarkReport.Ending>
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// Listens for SIGINT and SIGTERM from now on.
    public init() {
        let (stream, continuation) = AsyncStream.makeStream(of: BenchmarkReport.Ending.self)
        endings = stream
        let watched: [(Int32, BenchmarkReport.Ending)] = [(SIGINT, .interrupt), (SIGTERM, .termination)]
        sources = Mutex(
            watched.map { number, ending in
                // A dispatch source hears only of a signal whose own action does not come first.
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
