// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
public import Hummingbird
public import ServiceLifecycle

/// A short link with its number of hits.
public struct Link: ResponseCodable, Hashable, Sendable {
    /// The last component of the path, after `/links/`.
    public let code: String
    /// The URL that the link redirects to.
    public let url: String
    /// The number of times that the link was resolved.
    public let hits: Int

    /// Creates a link, which is new by default.
    public init(code: String, url: String, hits: Int = 0) {
        self.code = code
        self.url = url
        self.hits = hits
    }
}

/// Stores links in a database.
///
/// A store is a service of the `ServiceGroup` that also runs the HTTP server. `run()` is the
/// pool's own: it shuts the pool down when the group shuts down.
public protocol LinkStore: Service {
    /// A service that begins the pool's shutdown at the moment of a signal.
    var shutdownNotice: ShutdownNotice { get }

    /// Creates the table if it does not exist.
    func prepare() async throws

    /// Returns the URL of a link and counts the hit, in one transaction; `nil` if no link has this
    /// code.
    func resolve(_ code: String) async throws -> String?

    /// Stores a link. Throws an error of the database if the code is taken.
    func create(_ link: Link) async throws

    /// Returns the newest links, in descending order.
    func newest(_ count: Int) async throws -> [Link]

    /// Returns whether the database responds, and the state of the pool's connections.
    func health() async -> Health
}

/// The response of `GET /health`.
public struct Health: ResponseCodable, Sendable {
    /// Whether requests can be answered.
    public let isHealthy: Bool

    /// The pool's figures.
    public let connections: [String: Int]

    /// Creates a response.
    public init(isHealthy: Bool, connections: [String: Int]) {
        self.isHealthy = isHealthy
        self.connections = connections
    }
}
