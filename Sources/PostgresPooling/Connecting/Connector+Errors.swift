// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// The errors of connection attempts.

extension Connector {
    /// Returns the error of a failed attempt, which libpq describes as text.
    func failure(of handle: OpaquePointer, _ target: Target, isTransient: Bool) -> PostgresError {
        let text = unsafe String(cString: PQerrorMessage(handle))
        let server = Connector.serverFields(in: text)
        let message =
            server?.message
            ?? PostgresError.escapingControlCharacters(
                text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" } }.joined(separator: " ")
            )
        return PostgresError(
            .connectFailed,
            server == nil ? message : "\(Connector.name(of: target)): \(message)",
            server: server,
            connectionIsGone: true,
            isUnreached: server == nil && isTransient && !Connector.isPermanent(text)
        )
    }

    /// Returns whether a failure reported by libpq, not by the server, will recur: for example one
    /// about a certificate or a missing password. A connection that breaks during these checks may
    /// recover. The texts are English, because libpq translates only in programs that set the
    /// user's locale.
    static func isPermanent(_ text: String) -> Bool {
        if text.contains("SSL SYSCALL") || text.contains("closed") { return false }
        return ["SSL", "certificate", "GSSAPI", "SCRAM", "authentication", "password"].contains { text.contains($0) }
    }

    static func name(of target: Target) -> String {
        let host = target.host ?? target.address ?? "the local socket"
        return "\(host), port \(target.port)"
    }

    /// Finds `FATAL:  28P01: password authentication failed …` in the text of an error.
    static func serverFields(in text: String) -> PostgresError.ServerFields? {
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ": ", maxSplits: 8).map { $0.drop { $0 == " " } }
            let code = parts.indices.dropFirst().first { PostgresError.SQLState.isCode(parts[$0]) }
            guard let code, code + 1 < parts.count else { continue }
            return PostgresError.ServerFields(
                sqlState: PostgresError.SQLState(String(parts[code])),
                severity: "FATAL",
                message: parts[(code + 1)...].joined(separator: ": ")
            )
        }
        return nil
    }
}
