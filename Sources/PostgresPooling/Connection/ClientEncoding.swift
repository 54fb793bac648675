// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// The encoding of every text that goes to a server or comes from it: UTF-8.
///
/// The start-up packet asks for it, which goes before the settings of the role and of the database. The server converts from and
/// to the encoding of the database.
enum ClientEncoding {
    /// The name that the server is given.
    static let name = "UTF8"

    /// libpq's number of the encoding.
    static let identifier = unsafe pg_char_to_encoding(name)

    /// Whether a name means UTF-8. As for the server, only letters and digits count, in either case.
    static func isUTF8(_ name: some StringProtocol) -> Bool {
        ["utf8", "unicode"].contains(String(name.lowercased().filter { $0.isLetter || $0.isNumber }))
    }
}

extension ConnectParameters {
    /// Sets the encoding.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration` if the parameters ask for another encoding.
    mutating func useUTF8() throws(PostgresError) {
        try checkEncoding()
        self["client_encoding"] = ClientEncoding.name
    }

    /// Checks that the parameters, or the switches in `options`, ask for no other encoding than UTF-8.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration`.
    func checkEncoding() throws(PostgresError) {
        let asked = (self["client_encoding"].map { [$0[...]] } ?? []) + encodingsInOptions
        guard asked.allSatisfy({ ClientEncoding.isUTF8($0) }) else {
            throw PostgresError(
                .invalidConfiguration,
                "client_encoding can only be UTF8, to and from which the server converts; leave it out, also of options and PGCLIENTENCODING"
            )
        }
    }

    /// The encodings that `-c client_encoding=…` and `--client-encoding=…` ask for.
    private var encodingsInOptions: [Substring] {
        let options = (self["options"] ?? "").lowercased().replacing("client-encoding", with: "client_encoding")
        return options.split(separator: "client_encoding", omittingEmptySubsequences: false).dropFirst().map { rest in
            rest.drop { $0 == " " || $0 == "=" }.prefix { $0 != " " }
        }
    }
}

extension Link {
    /// Whether texts on the connection are UTF-8. Known without asking the server, which reports a change with the answer to the
    /// statement that made it. A lost connection has no other encoding.
    var isUTF8: Bool {
        let encoding = unsafe PQclientEncoding(handle)
        return encoding == utf8 || encoding < 0
    }

    /// Checks that a text can be sent, or that those of a result can be read.
    ///
    /// - Throws: `PostgresError` with the code `unsupported` if a statement has changed `client_encoding`.
    @inline(__always)
    func requireUTF8(sql: @autoclosure () -> String) throws(PostgresError) {
        if !isUTF8 { throw changedEncoding(sql: sql()) }
    }

    private func changedEncoding(sql: String) -> PostgresError {
        let name = unsafe String(cString: pg_encoding_to_char(PQclientEncoding(handle)))
        return PostgresError(
            .unsupported,
            "client_encoding was changed to \(name), and texts are sent and read as UTF8 only; leave client_encoding as it is",
            sql: sql
        )
    }
}
