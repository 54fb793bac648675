// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import LockPoolBench

@Suite("The prompt for a password")
struct PasswordPromptTests {
    /// Returns the prompt's result for `typed`, and everything that the terminal shows.
    private func ask(typing typed: String) throws -> (answer: String?, shown: String, echoes: Bool) {
        let (user, terminal) = try makeTerminal()
        defer {
            close(terminal)
            close(user)
        }
        Thread.detachNewThread {
            // The terminal is mute once the question is there.
            _ = receive(from: user, through: "Password: ")
            try? FileHandle(fileDescriptor: user, closeOnDealloc: false).write(contentsOf: Data(typed.utf8))
        }
        let answer = PasswordPrompt(input: terminal, output: terminal).ask()
        // After everything that was shown.
        try FileHandle(fileDescriptor: terminal, closeOnDealloc: false).write(contentsOf: Data("end".utf8))
        let shown = receive(from: user, through: "end")
        var state = termios()
        let isKnown = unsafe tcgetattr(terminal, &state) == 0
        try #require(isKnown)
        return (answer, shown, state.c_lflag & tcflag_t(ECHO) != 0)
    }

    @Test("The input is not shown, and the terminal is restored")
    func silent() throws {
        let (answer, shown, echoes) = try ask(typing: "hush4711\n")
        #expect(answer == "hush4711")
        #expect(shown == "\r\nend")
        #expect(echoes)
    }

    @Test(
        "The usual keys correct the input",
        arguments: [("hushé\u{7F}\u{8}\n", "hus"), ("wrong\u{15}right\r", "right"), ("ab\u{4}", "ab")]
    )
    func corrections(typed: String, password: String) throws {
        #expect(try ask(typing: typed).answer == password)
    }

    @Test("Empty input is no password", arguments: ["\n", "\u{4}"])
    func nothing(typed: String) throws {
        #expect(try ask(typing: typed).answer == nil)
    }

    @Test("Without a terminal there is no prompt")
    func noTerminal() throws {
        let file = try FileHandle(forReadingFrom: URL(filePath: "/dev/null"))
        #expect(PasswordPrompt(input: file.fileDescriptor, output: -1).ask() == nil)
    }
}

/// Both ends of a pseudoterminal: the user's and the program's.
private func makeTerminal() throws -> (user: Int32, program: Int32) {
    #if os(Linux)
        // Does what posix_openpt and its companions do, which Swift does not import, as it does
        // not import the numbers of <asm/ioctls.h>.
        let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
        let user = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (locked, number) = (Int32(0), Int32(0))
        let isReady = unsafe ioctl(user, setLock, &locked) == 0 && ioctl(user, getNumber, &number) == 0
        let path = "/dev/pts/\(number)"
    #else
        let user = posix_openpt(O_RDWR | O_NOCTTY)
        let isReady = grantpt(user) == 0 && unlockpt(user) == 0
        let path = unsafe String(cString: ptsname(user))
    #endif
    try #require(isReady)
    let program = unsafe open(path, O_RDWR | O_NOCTTY)
    try #require(program >= 0)
    return (user, program)
}

/// Reads from a descriptor, up to and including `text`.
private func receive(from descriptor: Int32, through text: String) -> String {
    var bytes: [UInt8] = []
    while !String(decoding: bytes, as: UTF8.self).hasSuffix(text) {
        var byte: UInt8 = 0
        let count = unsafe read(descriptor, &byte, 1)
        if count == -1 && errno == EINTR { continue }
        guard count == 1 else { break }
        bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
}
