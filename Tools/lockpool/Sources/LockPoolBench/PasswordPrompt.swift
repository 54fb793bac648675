// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Reads a password from a terminal without echo.
public struct PasswordPrompt: Sendable {
    private let input: Int32
    private let output: Int32

    /// Creates a prompt that writes to standard error and reads from standard input.
    public init() { self.init(input: STDIN_FILENO, output: STDERR_FILENO) }

    init(input: Int32, output: Int32) {
        self.input = input
        self.output = output
    }

    /// Returns the password that the user types; `nil` if there is no terminal, or the input is
    /// empty.
    ///
    /// Blocks until then. Ctrl-C restores the terminal and ends the process with exit code 130.
    public func ask() -> String? {
        var before = termios()
        guard isatty(input) == 1, unsafe tcgetattr(input, &before) == 0 else { return nil }
        var silent = before
        // Disables signals, too: a signal would leave the terminal without echo.
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard unsafe tcsetattr(input, TCSAFLUSH, &silent) == 0 else { return nil }
        write("Password: ")
        let answer = readLine()
        unsafe tcsetattr(input, TCSAFLUSH, &before)
        write("\n")
        // Does not raise the signal, which threads of tasks may block.
        if answer == .interrupt { exit(128 + SIGINT) }
        guard case .text(let bytes) = answer, !bytes.isEmpty else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private enum Answer: Equatable {
        case text([UInt8])
        case interrupt
        case end
    }

    private func readLine() -> Answer {
        var bytes: [UInt8] = []
        while true {
            var byte: UInt8 = 0
            let count = unsafe read(input, &byte, 1)
            if count == -1 && errno == EINTR { continue }
            guard count == 1 else { return .end }
            switch byte {
            case 0x0A, 0x0D: return .text(bytes)
            case 0x03: return .interrupt
            case 0x04: return bytes.isEmpty ? .end : .text(bytes)
            case 0x08, 0x7F: removeCharacter(&bytes)
            case 0x15: bytes = []
            default: bytes.append(byte)
            }
        }
    }

    /// Removes the last character with all its bytes.
    private func removeCharacter(_ bytes: inout [UInt8]) {
        while let byte = bytes.popLast(), byte & 0xC0 == 0x80 {}
    }

    private func write(_ text: String) {
        try? FileHandle(fileDescriptor: output, closeOnDealloc: false).write(contentsOf: Data(text.utf8))
    }
}
