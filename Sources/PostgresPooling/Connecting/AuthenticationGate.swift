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

/// The authentication methods that a server may request: libpq's keyword `require_auth`.
///
/// libpq supports the keyword from version 16. ``AuthenticationGate`` enforces it with every
/// version.
struct AuthenticationPolicy: Hashable, Sendable {
    enum Method: String, CaseIterable {
        /// The password in clear text.
        case password
        /// A digest that allows guessing the password.
        case md5
        case gss
        case sspi
        case scram = "scram-sha-256"
        case oauth
        /// The server requests no authentication.
        case none
    }

    let allowed: Set<Method>

    /// Any method: for an encrypted connection to a server whose certificate is verified.
    static let any = AuthenticationPolicy(allowed: Set(Method.allCases))

    /// The methods that do not reveal the password to an impostor.
    static let guarded = AuthenticationPolicy(allowed: Set(Method.allCases).subtracting([.password, .md5]))

    /// The required form of a list, for error messages.
    static let form =
        "“require_auth” must be a list of password, md5, gss, sspi, scram-sha-256, oauth and none, separated by commas; with ! before "
        + "each, a list of those that are excluded"

    private init(allowed: Set<Method>) { self.allowed = allowed }

    /// Parses a list of methods, separated by commas. If all of them begin with `!`, the others
    /// are allowed.
    ///
    /// - Returns: `nil` if the text is no such list.
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

/// Checks the authentication request of a server before libpq reads and answers it.
///
/// libpq sends a password in clear text, or as an MD5 digest, to any server that asks for it. The
/// gate therefore peeks at the server's bytes while libpq waits for an authentication request.
///
/// On an encrypted connection libpq reads exactly the record that the gate has peeked at. On an
/// unencrypted one, bytes that arrive in between are not checked, so a request must stand alone.
/// libpq 16 and later also receive the policy, which closes that gap.
struct AuthenticationGate {
    enum Verdict {
        /// libpq may read.
        case admitted
        /// Nothing has arrived.
        case pending
        /// Only the beginning of a message has arrived.
        case incomplete
        /// libpq must not answer, for this reason.
        case refused(String)
    }

    /// The policy that the user requires; `nil` if it depends on the connection.
    let required: AuthenticationPolicy?
    /// Whether the server's certificate is verified.
    let verifiesServer: Bool

    /// The beginning of a message that continues in another record.
    private var pending: [UInt8] = []
    /// The method that the server has requested so far.
    private var method = AuthenticationPolicy.Method.none
    private var isOver = false

    init(required: AuthenticationPolicy?, verifiesServer: Bool) {
        self.required = required
        self.verifiesServer = verifiesServer
    }

    /// Takes the policy from the keywords of an attempt, and adapts them for the installed libpq.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration` if a service or the
    ///   environment has an invalid list.
    init(_ parameters: inout ConnectParameters) throws(PostgresError) {
        let list = parameters["require_auth"] ?? ""
        required = AuthenticationPolicy(parsing: list)
        if required == nil, !list.isEmpty { throw ConnectionString.invalid(AuthenticationPolicy.form) }
        verifiesServer = ["verify-full", "verify-ca"].contains(parameters["sslmode"])
        // libpq supports the keyword from version 16.
        if PQlibVersion() < 160_000 {
            parameters["require_auth"] = nil
        } else if required == nil, !verifiesServer {
            parameters["require_auth"] = "!password,!md5"
        }
    }

    /// A gate with the same policy, for another attempt on another socket.
    var renewed: AuthenticationGate { AuthenticationGate(required: required, verifiesServer: verifiesServer) }

    /// Inspects what has arrived on a connection that waits for a request.
    mutating func inspect(_ handle: OpaquePointer) -> Verdict {
        if unsafe PQgssEncInUse(handle) != 0 || isOver { return .admitted }
        let isEncrypted = unsafe PQsslInUse(handle) != 0
        let policy = required ?? (isEncrypted && verifiesServer ? .any : .guarded)
        if policy == .any { return .admitted }
        // The size of one TLS record.
        return unsafe withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 1) { buffer in
            let count = unsafe clockpool_pq_peek(handle, buffer.baseAddress!, buffer.count)
            switch count {
            case CLOCKPOOL_PQ_NOTHING: return .pending
            case CLOCKPOOL_PQ_UNKNOWN:
                // The TLS library is not OpenSSL.
                return required == nil || PQlibVersion() >= 160_000
                    ? .admitted : .refused("require_auth cannot be enforced with this TLS library")
            case ...0: return .admitted
            default:
                let bytes = unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return check(bytes, policy, isRecord: isEncrypted)
            }
        }
    }

    /// Checks bytes that libpq is about to read.
    ///
    /// - Parameter isRecord: Whether libpq will read exactly these bytes.
    mutating func check(_ bytes: [UInt8], _ policy: AuthenticationPolicy, isRecord: Bool) -> Verdict {
        var rest = (pending + bytes)[...]
        while rest.count >= 5, !isOver {
            let kind = rest.first!
            // An error message ends the attempt. libpq rejects all other messages.
            guard kind == UInt8(ascii: "R") else { return .admitted }
            let header = rest.dropFirst()
            let length = header.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard length >= 8, length <= 1 << 14 else { return .admitted }
            guard header.count >= length else { break }
            let code = header.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = header.dropFirst(length)
            if let reason = refusal(of: code, policy) { return .refused(reason) }
            if !isRecord, !isOver, !rest.isEmpty {
                return .refused("the server sends more before the authentication request is answered")
            }
        }
        if isOver || rest.isEmpty {
            pending = []
            return .admitted
        }
        if isRecord { pending = Array(rest) }
        return isRecord ? .admitted : .incomplete
    }

    /// Returns why a request must not be answered; `nil` if it may be.
    private mutating func refusal(of code: Int, _ policy: AuthenticationPolicy) -> String? {
        switch code {
        case 0: isOver = true
        case 3: method = .password
        case 5: method = .md5
        case 7, 8: method = .gss
        case 9: method = .sspi
        case 10, 11: method = .scram
        // The server proves here that it knows the password. libpq checks the proof.
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
    /// Returns whether libpq may read and answer what the server has sent; `false` if more must
    /// arrive first.
    func admits(
        _ gate: inout AuthenticationGate,
        _ handle: OpaquePointer,
        _ target: Target
    ) throws(PostgresError) -> Bool {
        switch unsafe gate.inspect(handle) {
        case .admitted: return true
        case .pending: return false
        case .incomplete:
            // The socket stays readable with the beginning of a message, so the thread pauses.
            // Messages rarely arrive in pieces.
            usleep(1_000)
            return false
        case .refused(let reason):
            throw PostgresError(.connectFailed, "\(Connector.name(of: target)): \(reason)", connectionIsGone: true)
        }
    }
}
