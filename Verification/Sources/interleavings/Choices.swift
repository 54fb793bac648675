// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The answers to the scheduler's questions, run after run.
struct Choices {
    private struct Question {
        let count: Int
        var answer: Int
        let isPreemption: Bool
    }

    private enum Mode {
        /// Every sequence of answers with at most so many preemptions, one for each run.
        case exhaustive(preemptions: Int)
        /// A preemption now and then.
        case random(SplitMix64)
    }

    private var mode: Mode
    private var questions: [Question] = []
    private var position = 0
    private var preemptions = 0

    /// Always the first choice.
    static var first: Choices { Choices(mode: .exhaustive(preemptions: 0)) }

    /// All schedules with at most `preemptions` interruptions of a caller that could continue.
    static func exhaustive(preemptions: Int) -> Choices { Choices(mode: .exhaustive(preemptions: preemptions)) }

    /// The schedule that `seed` determines.
    static func random(seed: UInt64) -> Choices { Choices(mode: .random(SplitMix64(state: seed))) }

    private init(mode: Mode) { self.mode = mode }

    var mayPreempt: Bool {
        switch mode {
        case .exhaustive(let bound): preemptions < bound
        case .random: true
        }
    }

    mutating func choose(from count: Int, isPreemption: Bool) -> Int {
        switch mode {
        case .exhaustive:
            if position == questions.count {
                questions.append(Question(count: count, answer: 0, isPreemption: isPreemption))
            }
            let question = questions[position]
            precondition(question.count == count, "The run is not determined by its schedule.")
            position += 1
            if isPreemption, question.answer > 0 { preemptions += 1 }
            return question.answer
        case .random(var random):
            defer { mode = .random(random) }
            if isPreemption, random.next() % 4 != 0 { return 0 }
            return Int(random.next() % UInt64(count))
        }
    }

    /// Advances to the next schedule.
    ///
    /// - Returns: `false` if all have been run.
    mutating func advance() -> Bool {
        (position, preemptions) = (0, 0)
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
