// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed

/// Small programs whose possible results C++20 determines. They show that the memory of this tool
/// is neither stronger nor weaker than that of C++20, except as `Docs/Fairness.md` states.
struct Litmus {
    typealias Access = (Litmus.Words, Reads) -> Void

    final class Reads {
        var values: [UInt] = []

        func append(_ value: UInt) { values.append(value) }
    }

    struct Words {
        let x = Word(at: Memory.place(0)), y = Word(at: Memory.place(1))
    }

    let name: String
    /// Each caller appends the values that it reads.
    let callers: [Access]
    /// The values that all callers together read, in order; "race" for a data race.
    let results: Set<String>

    nonisolated(unsafe) static let all: [Litmus] = [
        Litmus(
            name: "message passing, relaxed",
            callers: [
                { w, _ in
                    w.x.put(1, rx_relaxed); w.y.put(1, rx_relaxed)
                },
                { w, r in
                    r.append(w.y.get(rx_relaxed)); r.append(w.x.get(rx_relaxed))
                },
            ],
            results: ["00", "01", "10", "11"]
        ),
        Litmus(
            name: "message passing, release and acquire",
            callers: [
                { w, _ in
                    w.x.put(1, rx_relaxed); w.y.put(1, rx_release)
                },
                { w, r in
                    r.append(w.y.get(rx_acquire)); r.append(w.x.get(rx_relaxed))
                },
            ],
            results: ["00", "01", "11"]
        ),
        Litmus(
            name: "message passing, release without acquire",
            callers: [
                { w, _ in
                    w.x.put(1, rx_relaxed); w.y.put(1, rx_release)
                },
                { w, r in
                    r.append(w.y.get(rx_relaxed)); r.append(w.x.get(rx_relaxed))
                },
            ],
            results: ["00", "01", "10", "11"]
        ),
        Litmus(
            name: "message passing through a relaxed exchange",
            callers: [
                { w, _ in
                    w.x.put(1, rx_relaxed); w.y.put(1, rx_release)
                },
                { w, _ in _ = w.y.exchange(1, 2, rx_relaxed, rx_relaxed) },
                { w, r in
                    guard w.y.get(rx_acquire) == 2 else { return }
                    r.append(w.x.get(rx_relaxed))
                },
            ],
            results: ["", "1"]
        ),
        Litmus(
            name: "store buffering, release and acquire",
            callers: [
                { w, r in
                    w.x.put(1, rx_release); r.append(w.y.get(rx_acquire))
                },
                { w, r in
                    w.y.put(1, rx_release); r.append(w.x.get(rx_acquire))
                },
            ],
            results: ["00", "01", "10", "11"]
        ),
        Litmus(
            name: "store buffering, sequentially consistent",
            callers: [
                { w, r in
                    w.x.put(1, rx_sequential); r.append(w.y.get(rx_sequential))
                },
                { w, r in
                    w.y.put(1, rx_sequential); r.append(w.x.get(rx_sequential))
                },
            ],
            results: ["01", "10", "11"]
        ),
        Litmus(
            name: "store buffering, one load acquire",
            callers: [
                { w, r in
                    w.x.put(1, rx_sequential); r.append(w.y.get(rx_acquire))
                },
                { w, r in
                    w.y.put(1, rx_sequential); r.append(w.x.get(rx_sequential))
                },
            ],
            results: ["00", "01", "10", "11"]
        ),
        Litmus(
            name: "store buffering, exchanges that fail",
            callers: [
                { w, r in
                    w.x.put(1, rx_sequential); r.append(w.y.exchange(7, 8, rx_sequential, rx_acquire) ? 1 : w.y.seen)
                },
                { w, r in
                    w.y.put(1, rx_sequential); r.append(w.x.exchange(7, 8, rx_sequential, rx_sequential) ? 1 : w.x.seen)
                },
            ],
            results: ["00", "01", "10", "11"]
        ),
        Litmus(
            name: "store buffering, sequentially consistent exchanges that fail",
            callers: [
                { w, r in
                    w.x.put(1, rx_sequential); r.append(w.y.exchange(7, 8, rx_sequential, rx_sequential) ? 1 : w.y.seen)
                },
                { w, r in
                    w.y.put(1, rx_sequential); r.append(w.x.exchange(7, 8, rx_sequential, rx_sequential) ? 1 : w.x.seen)
                },
            ],
            results: ["01", "10", "11"]
        ),
        Litmus(
            name: "coherence of one word",
            callers: [
                { w, _ in
                    w.x.put(1, rx_relaxed); w.x.put(2, rx_relaxed)
                },
                { w, r in
                    r.append(w.x.get(rx_relaxed)); r.append(w.x.get(rx_relaxed))
                },
            ],
            results: ["00", "01", "02", "11", "12", "22"]
        ),
        Litmus(
            name: "independent reads of independent writes, acquire",
            callers: [
                { w, _ in w.x.put(1, rx_release) }, { w, _ in w.y.put(1, rx_release) },
                { w, r in
                    r.append(w.x.get(rx_acquire)); r.append(w.y.get(rx_acquire))
                },
                { w, r in
                    r.append(w.y.get(rx_acquire)); r.append(w.x.get(rx_acquire))
                },
            ],
            results: Set((0..<16).map { n in (0..<4).map { String(n >> $0 & 1) }.joined() })
        ),
        Litmus(
            name: "independent reads of independent writes, sequentially consistent",
            callers: [
                { w, _ in w.x.put(1, rx_sequential) }, { w, _ in w.y.put(1, rx_sequential) },
                { w, r in
                    r.append(w.x.get(rx_sequential)); r.append(w.y.get(rx_sequential))
                },
                { w, r in
                    r.append(w.y.get(rx_sequential)); r.append(w.x.get(rx_sequential))
                },
            ],
            results: Set((0..<16).map { n in (0..<4).map { String(n >> $0 & 1) }.joined() }).subtracting(["1010"])
        ),
        Litmus(
            name: "an exchange reads the newest value",
            callers: [
                { w, r in r.append(w.x.exchange(0, 1, rx_relaxed, rx_relaxed) ? 1 : 0) },
                { w, r in r.append(w.x.exchange(0, 1, rx_relaxed, rx_relaxed) ? 1 : 0) },
            ],
            results: ["01", "10"]
        ),
        Litmus(
            name: "data behind a relaxed lock",
            callers: [
                { w, _ in
                    w.use(); w.x.put(1, rx_relaxed)
                },
                { w, _ in if w.x.get(rx_acquire) == 1 { w.use() } },
            ],
            results: ["", "race"]
        ),
        Litmus(
            name: "data behind a lock",
            callers: [
                { w, _ in
                    w.use(); w.x.put(1, rx_release)
                },
                { w, _ in if w.x.get(rx_acquire) == 1 { w.use() } },
            ],
            results: [""]
        ),
    ]

    /// The tests with unexpected results.
    static func problems() -> [String] {
        all.compactMap { test in
            let found = test.run()
            return found == test.results
                ? nil : "litmus test “\(test.name)”: \(found.sorted()), not \(test.results.sorted())"
        }
    }

    /// All results of all runs.
    private func run() -> Set<String> {
        world = World(Scenario(name: name, slots: "i", callers: callers.map { _ in [] }))
        var found: Set<String> = []
        scheduler.choices = .exhaustive(Choices.Bounds(preemptions: 100, staleReads: 100))
        repeat {
            Memory.reset()
            _ = Memory.allocate(byteCount: 128, alignment: 128)
            let words = Words()
            words.x.initialize(to: 0)
            words.y.initialize(to: 0)
            // Several callers may be between two reads at the same time, so each has an array of
            // its own.
            let reads = callers.map { _ in Reads() }
            let problem = scheduler.run(callers.indices.map { index in { callers[index](words, reads[index]) } })
            found.insert(
                problem == nil
                    ? reads.map(\.values).joined().map(String.init).joined()
                    : problem!.contains("race") ? "race" : problem!
            )
        } while scheduler.choices.advance()
        return found
    }
}

extension Litmus.Words {
    func use() { Memory.use(Memory.place(2)) }
}

extension Word {
    func get(_ order: rx_order) -> UInt { read(operations.anonymous(order)) }
    func put(_ value: UInt, _ order: rx_order) { write(value, operations.anonymous(order)) }
    func exchange(_ old: UInt, _ new: UInt, _ success: rx_order, _ failure: rx_order) -> Bool {
        exchange(old, new, operations.anonymous(success, failure))
    }
    /// The last value that the running caller has read.
    var seen: UInt { UInt(rx_seen(Int32(scheduler.caller), Memory.word(address))) }
}
