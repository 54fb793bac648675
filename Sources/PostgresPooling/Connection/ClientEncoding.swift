// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// The encoding of all text that is sent and received: UTF-8.
///
/// The start-up packet requests it, with precedence over the settings of the role and of the
/// database. The server converts from and to the encoding of the database.
enum ClientEncoding {
    /// The server's name of the encoding.
    static let name = "UTF8"

    /// libpq's identifier of the encoding.
    static let identifier = unsafe pg_char_to_encoding(name)

    /// Returns whether a name means UTF-8. Like the server, it compares only letters and digits,
    /// ignoring case.
    static func isUTF8(_ name: some StringProtocol) -> Bool {
        ["utf8", "unicode"].contains(String(name.lowercased().filter { $0.isLetter || $0.isNumber }))
    }
}

extension ConnectParameters {
    /// Sets the encoding.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration` if the parameters ask for
    ///   another encoding.
    mutating func useUTF8() throws(PostgresError) {
        try checkEncoding()
        self["client_encoding"] = ClientEncoding.name
    }

    /// Checks that neither the parameters nor the switches in `options` ask for another encoding
    /// than UTF-8.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration`.
    func checkEncoding() throws(PostgresError) {
        let asked = (self["client_encoding"].map { [$0[...]] } ?? []) + encodingsInOptions
        guard asked.allSatisfy({ ClientEncoding.isUTF8($0) }) else {
            throw PostgresError(
                .invalidConfiguration,
                "client_encoding can only be UTF8, to and from which the server converts; remove it, also from options and PGCLIENTENCODING"
            )
        }
    }

    /// The encodings that `-c client_encoding=…` and `--client-encoding=…` request.
    private var encodingsInOptions: [Substring] {
        let options = (self["options"] ?? "").lowercased().replacing("client-encoding", with: "client_encoding")
        return options.split(separator: "client_encoding", omittingEmptySubsequences: false).dropFirst().map { rest in
            rest.drop { $0 == " " || $0 == "=" }.prefix { $0 != " " }
        }
    }
}

extension Session {
    /// Whether text on the connection is UTF-8. Known without a round trip: the server reports a
    /// change with the answer to the statement that made it. The encoding of a lost connection
    /// counts as unchanged.
    var isUTF8: Bool {
        let encoding = unsafe PQclientEncoding(handle)
        return encoding == utf8 || encoding < 0
    }

    /// Checks that text can be sent, and that the text of a result can be read.
    ///
    /// - Throws: `PostgresError` with the code `unsupported` if a statement has changed
    ///   `client_encoding`.
    @inline(__always)
    func requireUTF8(sql: @autoclosure () -> String) throws(PostgresError) {
        if !isUTF8 { throw changedEncoding(sql: sql()) }
    }

    private func changedEncoding(sql: String) -> PostgresError {
        let name = unsafe String(cString: pg_encoding_to_char(PQclientEncoding(handle)))
        return PostgresError(
            .unsupported,
            "client_encoding was changed to \(name), but text is sent and read as UTF8 only; do not change client_encoding",
            sql: sql
        )
    }
}
