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

/// The keywords of a connection, combined from all sources that libpq uses.
struct ConnectParameters: Sendable {
    private(set) var values: [String: String]

    /// Whether a source specifies the encryption, so that it is not just libpq's default.
    private(set) var specifiesEncryption = false

    subscript(keyword: String) -> String? {
        get { values[keyword] }
        set { values[keyword] = newValue }
    }

    /// Parses a URL or keywords, without using other sources.
    ///
    /// - Throws: `PostgresError` with the code `invalidConfiguration`, which names the keyword and
    ///   quotes no value.
    init(parsing server: String) throws(PostgresError) {
        values = try ConnectionString(server, known: ConnectParameters.keywords()).values
    }

    /// Returns the keywords of the installed libpq, and those that this library enforces itself.
    static func keywords() -> Set<String> {
        var keywords: Set = ["require_auth"]
        guard let options = unsafe PQconninfoParse("", nil) else { return keywords }
        defer { unsafe PQconninfoFree(options) }
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            unsafe keywords.insert(String(cString: keyword))
            unsafe option += 1
        }
        return keywords
    }

    /// Adds missing values from a service or from the environment. Blocks to read files.
    ///
    /// - Throws: `PostgresError` with the code `connectFailed` if the service is not found,
    ///   `invalidConfiguration` if another encoding than UTF-8 is requested.
    mutating func addDefaults() throws(PostgresError) {
        let serviceOfEnvironment = getenvString("PGSERVICE")
        if let service = values["service"] ?? serviceOfEnvironment {
            values.merge(try ServiceFile.find(service)) { own, _ in own }
            // libpq would take missing values from the other service. From this one nothing is
            // missing.
            values["service"] = serviceOfEnvironment == nil ? nil : service
        }
        // libpq treats an empty value as its default, `prefer`.
        specifiesEncryption = [values["sslmode"], getenvString("PGSSLMODE")].contains { $0?.isEmpty == false }
        if values["require_auth"] == nil { values["require_auth"] = getenvString("PGREQUIREAUTH") }
        // libpq's default asks a credential cache for each connection, so it must be requested
        // explicitly.
        if values["gssencmode"] == nil, getenvString("PGGSSENCMODE") == nil { values["gssencmode"] = "disable" }
        guard let options = unsafe PQconninfoParse("", nil) else {
            throw PostgresError(.connectFailed, "libpq's keywords could not be read")
        }
        values.merge(unsafe ConnectParameters.environment(options)) { own, _ in own }
        try useUTF8()
    }

    /// Returns the values of the environment, and the port that libpq was built with. libpq
    /// applies its other defaults itself.
    private static func environment(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        defer { unsafe PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword.map({ unsafe String(cString: $0) }) {
            if let variable = unsafe option.pointee.envvar {
                unsafe values[keyword] = getenvString(String(cString: variable))
            }
            if keyword == "port", values[keyword] == nil, let port = unsafe option.pointee.compiled {
                unsafe values[keyword] = String(cString: port)
            }
            unsafe option += 1
        }
        return values
    }
}

extension ConnectParameters: CustomStringConvertible, CustomReflectable {
    /// The keywords without their values, one of which may be the password.
    var description: String { "ConnectParameters(\(values.keys.sorted().joined(separator: ", ")))" }

    /// The keywords without their values.
    var customMirror: Mirror { Mirror(self, children: ["keywords": values.keys.sorted()]) }
}

func getenvString(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// The file that defines services, each as a set of keywords.
enum ServiceFile {
    /// Returns the keywords of a service, from the user's file or else the system's.
    static func find(_ service: String) throws(PostgresError) -> [String: String] {
        let user = getenvString("PGSERVICEFILE") ?? getenvString("HOME").map { "\($0)/.pg_service.conf" }
        let system =
            getenvString("PGSYSCONFDIR").map { "\($0)/pg_service.conf" } ?? "/etc/postgresql-common/pg_service.conf"
        for path in [user, system].compactMap(\.self) {
            if let text = read(path), let values = parse(text, service: service) { return values }
        }
        throw PostgresError(.connectFailed, "there is no service “\(service)” in a service file")
    }

    static func parse(_ text: String, service: String) -> [String: String]? {
        var values: [String: String]?
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("#") { continue }
            if line.hasPrefix("[") {
                if values != nil { break }
                if line.dropFirst().prefix(while: { $0 != "]" }) == service { values = [:] }
            } else if values != nil, let equals = line.firstIndex(of: "=") {
                values![String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
        }
        return values
    }

    private static func read(_ path: String) -> String? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
