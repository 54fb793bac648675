// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

let usage = """
    usage: pool-simulation [--sequences COUNT] [--events COUNT] [--seed SEED] [--log]
           pool-simulation --day [--seed SEED] [--charts FOLDER]

    Runs the connection pool through random sequences of events, one step at a time, and checks its promises after each.

      --sequences COUNT  how many; 100000 if not said
      --events COUNT     how many events each has; 120 if not said
      --seed SEED        run the one with this seed; to see again what was reported
      --log              with --seed: print every event
      --day              run a pool of 300 connections through a day instead
      --charts FOLDER    with --day: draw how connections retire
    """

var (sequences, events, only, keepsLog) = (100_000, 120, UInt64?.none, false)
var (isDay, charts) = (false, String?.none)
var arguments = CommandLine.arguments.dropFirst()

func misuse(_ text: String) -> Never {
    FileHandle.standardError.write(Data("pool-simulation: \(text)\n\(usage)\n".utf8))
    exit(64)
}

@MainActor
func number<Number: FixedWidthInteger>(_ option: String) -> Number {
    guard let text = arguments.popFirst(), let number = Number(text), number > 0 else {
        misuse("\(option) needs a number")
    }
    return number
}

while let argument = arguments.popFirst() {
    switch argument {
    case "--sequences": sequences = number(argument)
    case "--events": events = number(argument)
    case "--seed": only = number(argument)
    case "--log": keepsLog = true
    case "--day": isDay = true
    case "--charts":
        charts = arguments.popFirst()
        if charts == nil { misuse("--charts needs a folder") }
    case "-h", "--help":
        print(usage)
        exit(0)
    default: misuse("unknown option '\(argument)'")
    }
}

Scheduler.start()
var counts: [Sequence.Event: Int] = [:]
let began = Date()

@MainActor
func run(_ seed: UInt64, keepsLog: Bool) {
    do {
        let sequence = try Sequence(seed: seed, counts: counts, keepsLog: keepsLog)
        counts = try sequence.run(events: events)
    } catch {
        print("BROKEN: \(error)\n  see it with --seed \(seed) --events \(events) --log")
        exit(1)
    }
}

if isDay {
    do {
        try Day(seed: only ?? 1).run(chartsTo: charts)
        print("a day in \(Int(Date().timeIntervalSince(began))) s: every promise was kept")
        exit(0)
    } catch {
        print("BROKEN: \(error)")
        exit(1)
    }
}
if let only {
    run(only, keepsLog: keepsLog)
} else {
    for seed in 1...UInt64(sequences) {
        run(seed, keepsLog: false)
        if seed % 10_000 == 0 { print("\(seed) sequences after \(Int(Date().timeIntervalSince(began))) s") }
    }
}
for event in Sequence.Event.allCases { print("\(counts[event, default: 0])\t\(event.rawValue)") }
let missing = Sequence.Event.allCases.filter { counts[$0, default: 0] == 0 }
if only == nil, !missing.isEmpty {
    print("BROKEN: some kinds of event never happened: \(missing.map(\.rawValue))")
    exit(1)
}
print("\(counts.values.reduce(0, +)) events in \(only == nil ? sequences : 1) sequences: every promise was kept")
