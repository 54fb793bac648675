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

/// The methods by which a server may ask for a proof of identity; libpq's keyword `require_auth`.
///
/// libpq knows the keyword from version 16 on. ``AuthenticationGate`` enforces it with every version.
struct AuthenticationPolicy: Hashable, Sendable {
    enum Method: String, CaseIterable {
        /// The password in clear text.
        case password
        /// A digest of the password, from which the password can be guessed.
        case md5
        case gss
        case sspi
        case scram = "scram-sha-256"
        case oauth
        /// The server asks for nothing.
        case none
    }

    let allowed: Set<Method>

    /// Any method: on an encrypted connection to a server that has proved its identity.
    static let any = AuthenticationPolicy(allowed: Set(Method.allCases))

    /// Those that do not give the password away to a server that may be an impostor.
    static let guarded = AuthenticationPolicy(allowed: Set(Method.allCases).subtracting([.password, .md5]))

    /// What a list must be, for an error.
    static let form =
        "“require_auth” must be a list of password, md5, gss, sspi, scram-sha-256, oauth and none, separated by commas; with ! before "
        + "each, a list of those that are excluded"

    private init(allowed: Set<Method>) { self.allowed = allowed }

    /// Reads a list of methods, separated by commas. If all of them begin with `!`, the others are allowed.
    ///
    /// - Returns: `nil` if it is no such list.
    init?(parsing text: String) {
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        let isNegated = text.hasPrefix("!")
        var named: Set<Method> = []
        for word in words {
            guard word.hasPrefix("!") == isNegated,
                let method = Method(rawValue: String(isNegated ? word.dropFirst() : word)),
                named.insert(method).inserted
            else { return nil }
        }
        allowed = isNegated ? Set(Method.allCases).subtracting(named) : named
    }
}

/// Looks at what a server asks for before libpq reads and answers it.
///
/// libpq sends a password in clear text, or as an MD5 digest, to any server that asks for it. The bytes that the server has sent are
/// therefore peeked at while libpq waits for a request of authentication.
///
/// On an encrypted connection libpq reads exactly the record that was peeked at. On one that is not, bytes that arrive between the two
/// are not seen, so that a request must stand alone. libpq 16 and later are told the policy too, and close that gap.
struct AuthenticationGate {
    enum Verdict {
        /// libpq may read.
        case admitted
        /// Nothing has arrived.
        case pending
        /// Only the beginning of a message has arrived.
        case incomplete
        /// Why libpq must not answer.
        case refused(String)
    }

    /// What the user demands; `nil` if the connection decides.
    let required: AuthenticationPolicy?
    /// Whether encryption comes with a check of the server's certificate.
    let verifiesServer: Bool

    /// The beginning of a message whose other bytes are in another record.
    private var pending: [UInt8] = []
    /// How the server has asked so far.
    private var method = AuthenticationPolicy.Method.none
    private var isOver = false

    init(required: AuthenticationPolicy?, verifiesServer: Bool) {
        self.required = required
        self.verifiesServer = verifiesServer
    }

    /// Takes the policy from the keywords of an attempt, and leaves them as the installed libpq takes them.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration` if a service or the environment has no such list.
    init(_ parameters: inout ConnectParameters) throws(PostgresError) {
        let list = parameters["require_auth"] ?? ""
        required = AuthenticationPolicy(parsing: list)
        if required == nil, !list.isEmpty { throw ConnectionString.invalid(AuthenticationPolicy.form) }
        verifiesServer = ["verify-full", "verify-ca"].contains(parameters["sslmode"])
        // From this version on libpq knows the keyword.
        if PQlibVersion() < 160_000 {
            parameters["require_auth"] = nil
        } else if required == nil, !verifiesServer {
            parameters["require_auth"] = "!password,!md5"
        }
    }

    /// The same for another attempt on another socket.
    var anew: AuthenticationGate { AuthenticationGate(required: required, verifiesServer: verifiesServer) }

    /// Looks at what has arrived on a connection that waits for a request.
    mutating func look(at handle: OpaquePointer) -> Verdict {
        if unsafe PQgssEncInUse(handle) != 0 || isOver { return .admitted }
        let isEncrypted = unsafe PQsslInUse(handle) != 0
        let policy = required ?? (isEncrypted && verifiesServer ? .any : .guarded)
        if policy == .any { return .admitted }
        // As much as one record of TLS holds.
        return unsafe withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 1) { buffer in
            let count = unsafe clockpool_pq_peek(handle, buffer.baseAddress!, buffer.count)
            switch count {
            case CLOCKPOOL_PQ_NOTHING: return .pending
            case CLOCKPOOL_PQ_UNKNOWN:
                // Another library for TLS than OpenSSL.
                return required == nil || PQlibVersion() >= 160_000
                    ? .admitted : .refused("require_auth cannot be enforced with this library for TLS")
            case ...0: return .admitted
            default:
                let bytes = unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return judge(bytes, policy, isRecord: isEncrypted)
            }
        }
    }

    /// Judges bytes that libpq is about to read.
    ///
    /// - Parameter isRecord: Whether libpq will read these bytes and no others.
    mutating func judge(_ bytes: [UInt8], _ policy: AuthenticationPolicy, isRecord: Bool) -> Verdict {
        var rest = (pending + bytes)[...]
        while rest.count >= 5, !isOver {
            let kind = rest.first!
            // An error ends the attempt, and libpq refuses everything else.
            guard kind == UInt8(ascii: "R") else { return .admitted }
            let header = rest.dropFirst()
            let length = header.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard length >= 8, length <= 1 << 14 else { return .admitted }
            guard header.count >= length else { break }
            let code = header.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = header.dropFirst(length)
            if let reason = refusal(of: code, policy) { return .refused(reason) }
            if !isRecord, !isOver, !rest.isEmpty {
                return .refused("the server sends more before the request of authentication is answered")
            }
        }
        if isOver || rest.isEmpty {
            pending = []
            return .admitted
        }
        if isRecord { pending = Array(rest) }
        return isRecord ? .admitted : .incomplete
    }

    /// Why a request must not be answered; `nil` if it may be.
    private mutating func refusal(of code: Int, _ policy: AuthenticationPolicy) -> String? {
        switch code {
        case 0: isOver = true
        case 3: method = .password
        case 5: method = .md5
        case 7, 8: method = .gss
        case 9: method = .sspi
        case 10, 11: method = .scram
        // The server proves here that it knows the password, which libpq checks.
        case 12: isOver = true
        default: break
        }
        if code == 0, method == .scram { return "the server does not prove that it knows the password" }
        return policy.allowed.contains(method) ? nil : reason(required == nil)
    }

    private func reason(_ isDefault: Bool) -> String {
        let request =
            switch method {
            case .password: "the server asks for the password in clear text"
            case .md5: "the server asks for an MD5 digest of the password"
            case .none: "the server asks for no authentication"
            case .gss, .sspi, .scram, .oauth: "the server asks for authentication by \(method.rawValue)"
            }
        if !isDefault { return request + ", which require_auth excludes" }
        return """
            \(request), on a connection that is not encrypted or whose server has not proved its identity: store the password for \
            SCRAM, verify the server by sslmode=verify-full, or allow it by require_auth=\(method.rawValue)
            """
    }
}

extension Connector {
    /// Whether libpq may read what the server has sent, and answer it; `false` if more has to arrive first.
    func admits(
        _ gate: inout AuthenticationGate,
        _ handle: OpaquePointer,
        _ target: Target
    ) throws(PostgresError) -> Bool {
        switch unsafe gate.look(at: handle) {
        case .admitted: return true
        case .pending: return false
        case .incomplete:
            // The socket stays ready with the beginning of a message, so the thread pauses; nearly no message comes in pieces.
            usleep(1_000)
            return false
        case .refused(let reason):
            throw PostgresError(.connectFailed, "\(Connector.name(of: target)): \(reason)", connectionIsGone: true)
        }
    }
}
