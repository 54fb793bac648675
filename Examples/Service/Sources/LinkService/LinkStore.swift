// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
public import Hummingbird
public import ServiceLifecycle

/// A short link, and how often it was resolved.
public struct Link: ResponseCodable, Hashable, Sendable {
    /// What stands behind `/links/`.
    public let code: String
    /// What the link redirects to.
    public let url: String
    /// How often the link was resolved.
    public let hits: Int

    /// A link, which is new by default.
    public init(code: String, url: String, hits: Int = 0) {
        self.code = code
        self.url = url
        self.hits = hits
    }
}

/// Stores links in a database.
///
/// A store is a service of the `ServiceGroup` that also runs the HTTP server: `run()` is the pool's own, which shuts the pool down
/// in order when the group shuts down.
public protocol LinkStore: Service {
    /// Begins the pool's shutdown at the moment of a signal.
    var shutdownNotice: ShutdownNotice { get }

    /// Creates the table if it does not exist.
    func prepare() async throws

    /// Returns the URL of a link and counts the hit, in one transaction; `nil` if there is no link with this code.
    func resolve(_ code: String) async throws -> String?

    /// Stores a link. Fails with an error of the database if the code is taken.
    func create(_ link: Link) async throws

    /// Returns the newest links, the newest first.
    func newest(_ count: Int) async throws -> [Link]

    /// Returns whether the database answers, and how the pool's connections are used.
    func health() async -> Health
}

/// The answer of `GET /health`.
public struct Health: ResponseCodable, Sendable {
    /// Whether requests can be answered.
    public let isHealthy: Bool

    /// Figures of the pool.
    public let connections: [String: Int]

    /// An answer.
    public init(isHealthy: Bool, connections: [String: Int]) {
        self.isHealthy = isHealthy
        self.connections = connections
    }
}
