// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The answers to the scheduler's questions, run after run: the caller that continues, and the
/// value that a load returns.
struct Choices {
    private enum Kind { case caller, preemption, value }

    private struct Question {
        let count: Int
        var answer: Int
        let kind: Kind
    }

    /// The bounds on unlikely events of a run.
    struct Bounds: Equatable {
        /// A caller is interrupted that could continue.
        var preemptions: Int
        /// A load, or an exchange that fails, returns a value that is not the newest.
        var staleReads: Int
    }

    private enum Mode {
        /// Every sequence of answers within these bounds, one for each run.
        case exhaustive(Bounds)
        /// A preemption and a stale read now and then.
        case random(SplitMix64)
    }

    private var mode: Mode
    private var questions: [Question] = []
    private var position = 0
    private var preemptions = 0
    private var staleReads = 0

    /// Always the first choice.
    static var first: Choices { Choices(mode: .exhaustive(Bounds(preemptions: 0, staleReads: 0))) }

    static func exhaustive(_ bounds: Bounds) -> Choices { Choices(mode: .exhaustive(bounds)) }

    /// The run that `seed` determines.
    static func random(seed: UInt64) -> Choices { Choices(mode: .random(SplitMix64(state: seed))) }

    private init(mode: Mode) { self.mode = mode }

    var mayPreempt: Bool {
        switch mode {
        case .exhaustive(let bounds): preemptions < bounds.preemptions
        case .random: true
        }
    }

    mutating func choose(from count: Int, isPreemption: Bool) -> Int {
        choose(from: count, isPreemption ? .preemption : .caller)
    }

    /// Selects one of the values that a load may return; the first is the newest.
    mutating func chooseValue(from count: Int) -> Int {
        if count == 1 { return 0 }
        if case .exhaustive(let bounds) = mode, staleReads == bounds.staleReads { return 0 }
        return choose(from: count, .value)
    }

    private mutating func choose(from count: Int, _ kind: Kind) -> Int {
        switch mode {
        case .exhaustive:
            if position == questions.count { questions.append(Question(count: count, answer: 0, kind: kind)) }
            let question = questions[position]
            precondition(question.count == count, "The run is not determined by its choices.")
            position += 1
            if question.answer > 0 {
                if question.kind == .preemption { preemptions += 1 }
                if question.kind == .value { staleReads += 1 }
            }
            return question.answer
        case .random(var random):
            defer { mode = .random(random) }
            if kind != .caller, random.next() % 4 != 0 { return 0 }
            return Int(random.next() % UInt64(count))
        }
    }

    /// Returns to the beginning of the same run.
    mutating func rewind() { (position, preemptions, staleReads) = (0, 0, 0) }

    /// Advances to the next run.
    ///
    /// - Returns: `false` if all have been made.
    mutating func advance() -> Bool {
        rewind()
        while let last = questions.last {
            if last.answer + 1 < last.count {
                questions[questions.count - 1].answer += 1
                return true
            }
            questions.removeLast()
        }
        return false
    }
}

/// A small generator whose entire state is its seed (Steele, Lea, Flood: "Fast Splittable
/// Pseudorandom Number Generators", OOPSLA 2014).
struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
