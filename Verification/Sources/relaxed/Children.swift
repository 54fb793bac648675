// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed
import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs work in a limited number of child processes: a trap of the core ends a child only.
enum Children {
    nonisolated(unsafe) private static var body: () -> Bool = { true }

    struct Outcome {
        /// 0 if the body returned `true`, 1 if `false`, above 128 if a signal ended the child.
        let status: Int
        let output: String

        /// Whether a trap ended it: a failed precondition of the core, or an access to unmapped
        /// memory.
        var isTrapped: Bool { status > 128 && status != 128 + Int(SIGALRM) }
    }

    /// Runs a body for each index.
    ///
    /// - Parameters:
    ///   - seconds: The time limit of a child.
    ///   - body: Runs in the child, and prints its results.
    ///   - done: Called in this process at the end of each child.
    static func run(
        _ count: Int,
        seconds: UInt32,
        body: @escaping (Int) -> Bool,
        done: (Int, Outcome) -> Void
    ) {
        var running: [Int32: (index: Int, file: UnsafeMutablePointer<FILE>)] = [:]
        var next = 0
        while next < count || !running.isEmpty {
            while next < count, running.count < ProcessInfo.processInfo.activeProcessorCount {
                let (index, file) = (next, tmpfile()!)
                Children.body = { body(index) }
                fflush(nil)
                let child = rx_spawn({ _ in Children.body() ? 0 : 1 }, nil, fileno(file), seconds)
                running[child] = (index, file)
                next += 1
            }
            var status: Int32 = 0
            guard let ended = running.removeValue(forKey: rx_wait(&status)) else { continue }
            done(ended.index, Outcome(status: Int(status), output: contents(of: ended.file)))
            fclose(ended.file)
        }
    }

    private static func contents(of file: UnsafeMutablePointer<FILE>) -> String {
        rewind(file)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
