// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed
import Foundation

nonisolated(unsafe) var operations = Operations()

/// The atomic operations of the core at run time: their orderings, one of which may be weakened,
/// and a trace.
///
/// An operation is identified by file, line and method. Operations with one method in one line
/// are one operation.
final class Operations {
    /// By number. Number 0 is none.
    private(set) var orderings: [Orderings] = []
    private(set) var runs: [Int] = []
    private var places: [(file: String, line: Int, method: String)] = []
    private var numbers: [String: Int] = [:]

    /// The same as `numbers`, for speed: by the address of the file's name, line and method.
    private var keys = [UInt](repeating: 0, count: 4096)
    private var values = [Int](repeating: 0, count: 4096)

    private var weakened: (file: String, line: Int, method: String, orderings: Orderings)?

    var isTracing = false
    private(set) var trace: [String] = []

    func find(_ method: StaticString, _ file: StaticString, _ line: UInt) -> Int {
        let key =
            UInt(bitPattern: file.utf8Start) &* 31 &+ line &* 0x9E37_79B1 &+ UInt(bitPattern: method.utf8Start) << 20
        var index = Int(truncatingIfNeeded: key ^ key >> 17) & 4095
        while keys[index] != key {
            if keys[index] == 0 {
                keys[index] = key
                values[index] = register("\(method)", String("\(file)".split(separator: "/").last!), Int(line))
                break
            }
            index = (index + 1) & 4095
        }
        let number = values[index]
        runs[number] += 1
        return number
    }

    private func register(_ method: String, _ file: String, _ line: Int) -> Int {
        let name = "\(file):\(line) \(method)"
        if let number = numbers[name] { return number }
        let number = orderings.count
        numbers[name] = number
        places.append((file, line, method))
        runs.append(0)
        orderings.append(Orderings.ofMethods[method]!)
        if let weakened, weakened.file == file, weakened.line == line, weakened.method == method {
            orderings[number] = weakened.orderings
        }
        return number
    }

    /// The number of times that an operation has run.
    func runs(of operation: SourceOperation) -> Int {
        numbers["\(operation.file):\(operation.line) \(operation.method)"].map { runs[$0] } ?? 0
    }

    /// Gives this operation these orderings, and all others their own.
    func weaken(_ operation: SourceOperation, to orderings: Orderings) {
        weakened = (operation.file, operation.line, operation.method, orderings)
        if let number = numbers["\(operation.file):\(operation.line) \(operation.method)"] {
            self.orderings[number] = orderings
        }
    }

    func beginTrace() {
        isTracing = true
        trace = []
    }

    func note(_ operation: Int, _ word: Word, _ event: @autoclosure () -> String) {
        guard isTracing else { return }
        let place = places[operation]
        trace.append(
            "caller \(scheduler.caller)  \(Memory.name(of: word.address)): \(event())"
                + "  (\(place.method), \(place.file):\(place.line))"
        )
    }

    /// An operation outside of the core.
    func anonymous(_ success: rx_order, _ failure: rx_order = rx_relaxed) -> Int {
        let name = "litmus \(success.rawValue) \(failure.rawValue)"
        if let number = numbers[name] { return number }
        numbers[name] = orderings.count
        places.append(("", 0, "litmus"))
        runs.append(0)
        orderings.append(Orderings(success: success, failure: failure))
        return numbers[name]!
    }
}
