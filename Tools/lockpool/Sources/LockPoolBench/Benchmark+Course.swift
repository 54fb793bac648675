// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

extension Benchmark {
    /// The outcome of a run.
    struct Course: Sendable {
        var ending: BenchmarkReport.Ending
        var nanoseconds: UInt64
        /// The number of turns of each client.
        var turns: [Int]
    }

    private enum Event: Sendable {
        case finished(turns: Int)
        case timeIsUp
        case graceIsOver
        case signalled(BenchmarkReport.Ending)
        case nothing
    }

    /// The time that turns under way have to end after the run. Then waits for a connection are
    /// cancelled.
    private static let grace: Duration = .seconds(2)

    /// Runs the clients until the end of the plan's time or a signal.
    func takeTurns(
        on connections: any BenchmarkConnections,
        tally: Tally,
        until interruptions: Interruptions
    ) async -> Course {
        let stop = StopFlag()
        let started = monotonicNanoseconds()
        return await withTaskGroup(of: Event.self) { group in
            group.addTask {
                for await ending in interruptions.endings { return .signalled(ending) }
                return .nothing
            }
            group.addTask {
                await watchTime(tally)
                return .timeIsUp
            }
            for number in 0..<plan.clients {
                let client = BenchmarkClient(
                    number: number,
                    connections: connections,
                    plan: plan,
                    tally: tally,
                    stop: stop
                )
                group.addTask(executorPreference: connections.executor) { .finished(turns: await client.run()) }
            }

            var course = Course(ending: .duration, nanoseconds: 0, turns: [])
            for await event in group {
                switch event {
                case .finished(let turns):
                    course.turns.append(turns)
                    if course.turns.count == plan.clients {
                        course.nanoseconds = monotonicNanoseconds() - started
                        group.cancelAll()
                    }
                case .timeIsUp:
                    guard !stop.isRaised else { break }
                    stop.raise()
                    group.addTask {
                        try? await Task.sleep(for: Self.grace)
                        return .graceIsOver
                    }
                case .graceIsOver:
                    group.cancelAll()
                case .signalled(let ending):
                    if !stop.isRaised { course.ending = ending }
                    stop.raise()
                    group.cancelAll()
                case .nothing:
                    break
                }
            }
            meter.finish()
            return course
        }
    }

    /// Shows the progress once a second until the end of the plan's time.
    private func watchTime(_ tally: Tally) async {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + plan.duration
        var last = 0
        var elapsed = 0
        while clock.now < end {
            do {
                try await clock.sleep(until: min(end, start + .seconds(elapsed + 1)))
            } catch {
                return
            }
            guard clock.now < end else { return }
            elapsed += 1
            let progress = tally.progress
            meter.show(
                ProgressStatus(
                    elapsedSeconds: elapsed,
                    totalSeconds: plan.duration / .seconds(1),
                    checkouts: progress.checkouts,
                    checkoutsPerSecond: progress.checkouts - last,
                    failures: progress.failures
                )
            )
            last = progress.checkouts
        }
    }
}

/// Nanoseconds of a monotonic clock.
func monotonicNanoseconds() -> UInt64 {
    DispatchTime.now().uptimeNanoseconds
}
