// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct StatementIdentityTests {
    private func digest(_ message: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        hash.update(message)
        return hash.finalize().map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    @Test("SHA-256 yields the values of the standard's examples")
    func vectors() {
        #expect(digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(digest("abc".utf8) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        )
        #expect(
            digest(
                ("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                    + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu").utf8
            ) == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        )
        #expect(
            digest(repeatElement(UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        )
    }

    @Test("SHA-256 pads messages of each length around a block like byte by byte", arguments: 54...66)
    func lengths(_ length: Int) {
        // From another implementation, for 64 zeros; the others must all differ.
        let zeros = repeatElement(UInt8(0), count: length)
        var whole = SHA256()
        whole.update(zeros)
        var parts = SHA256()
        for _ in 0..<length { parts.update([0]) }
        #expect(whole.finalize() == parts.finalize())
        if length == 64 {
            #expect(digest(zeros) == "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b")
        }
        if length == 55 {
            #expect(digest(zeros) == "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7")
        }
    }

    @Test("A name belongs to one text with one list of types")
    func names() {
        let statements: [(String, [UInt32])] = [
            ("SELECT $1", []), ("SELECT $1", [20]), ("SELECT $1", [25]), ("SELECT $1", [20, 25]),
            ("SELECT $1", [25, 20]), ("SELECT $1 ", [20]), ("", []), ("\u{14}", []), ("", [20]),
        ]
        let names = statements.map { StatementIdentity(text: $0, types: $1).name }
        #expect(Set(names).count == names.count)
        for name in names {
            #expect(name.utf8.count == 41 && name.hasPrefix("lockpool_"))
            #expect(name.dropFirst(9).allSatisfy { $0.isHexDigit && !$0.isUppercase })
        }
    }
}
