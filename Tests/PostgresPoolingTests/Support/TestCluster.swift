// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A PostgreSQL cluster for a test, from `Scripts/cluster`: a primary, `node1`, and streaming
/// standbys. It ends with the process of the tests, however that ends.
final class TestCluster: Sendable {
    enum Node: String, CaseIterable, Sendable {
        case node1, node2, node3
    }

    enum State: String, Sendable {
        case up, down, frozen
    }

    enum Role: String, Sendable {
        case primary, standby
    }

    enum Shutdown: String, CaseIterable, Sendable {
        /// With a checkpoint, after the standbys have received everything.
        case fast
        case immediate
    }

    /// A line of `Scripts/cluster status`. What a node that is not up would report is `nil`.
    struct Status: Sendable {
        let node: Node
        /// The server's port.
        let port: Int
        let state: State
        let role: Role?
        let timeline: Int?
        /// The position in the log that a primary has written, and a standby replayed.
        let position: UInt64?
        /// The number of bytes behind the primary; `nil` without a primary, and for a second one.
        let lag: Int?
        /// The port of the node's PgBouncer.
        let pooler: Int?

        init?(_ line: Substring) {
            let words = line.split(separator: " ")
            guard words.count == 8, let node = Node(rawValue: String(words[0])), let port = Int(words[1]),
                let state = State(rawValue: String(words[2]))
            else { return nil }
            self.node = node
            self.port = port
            self.state = state
            role = Role(rawValue: String(words[3]))
            timeline = Int(words[4])
            let halves = words[5].split(separator: "/").compactMap { UInt64($0, radix: 16) }
            position = halves.count == 2 ? halves[0] << 32 | halves[1] : nil
            lag = Int(words[6])
            pooler = Int(words[7])
        }
    }

    let folder: String
    let nodes: [Node]
    /// The user, the password and all hosts in the order of the nodes: the proxies if there are,
    /// otherwise the PgBouncers if there are, otherwise the servers.
    let url: String
    private let proxies: [Node: FaultProxy]

    /// Starts a cluster for one test, which must stop it; see
    /// ``withCluster(standbys:isSynchronous:hasPoolers:hasProxies:settings:_:)``.
    ///
    /// - Parameters:
    ///   - standbys: The number of standbys, at most two.
    ///   - isSynchronous: Whether commits wait for a standby.
    ///   - hasPoolers: Whether each node has a PgBouncer in transaction mode.
    ///   - hasProxies: Whether each node has a ``FaultProxy``, before its PgBouncer if it has one.
    init(
        standbys: Int = 2,
        isSynchronous: Bool = false,
        hasPoolers: Bool = false,
        hasProxies: Bool = false,
        settings: [String: String] = [:]
    ) async throws {
        // Short, because the length of a socket's path is limited.
        folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))").path
        nodes = Array(Node.allCases.prefix(standbys + 1))
        var arguments = ["--watch", String(getpid()), "--standbys", String(standbys)]
        if isSynchronous { arguments.append("--synchronous") }
        if hasPoolers { arguments.append("--poolers") }
        for (name, value) in settings { arguments += ["--set", "\(name)=\(value)"] }
        let url = try await Self.succeed("start", arguments, folder: folder)
        guard hasProxies else {
            self.url = url
            proxies = [:]
            return
        }
        var proxies: [Node: FaultProxy] = [:]
        for status in try await Self.status(folder: folder) {
            proxies[status.node] = try FaultProxy(serverPort: status.pooler ?? status.port)
        }
        self.proxies = proxies
        let hosts = nodes.map { "127.0.0.1:\(proxies[$0]!.port)" }.joined(separator: ",")
        let user = url.prefix { $0 != "@" }
        self.url = "\(user)@\(hosts)/lockpool?sslmode=disable&gssencmode=disable"
    }

    /// Stops the cluster.
    func stop() async throws {
        for proxy in proxies.values { proxy.stop() }
        try await succeed("stop")
    }

    /// What each node is.
    func status() async throws -> [Status] { try await Self.status(folder: folder) }

    /// What a node is.
    func status(_ node: Node) async throws -> Status {
        guard let status = try await status().first(where: { $0.node == node }) else {
            throw TestServer.Failed(description: "there is no \(node)")
        }
        return status
    }

    /// The URL of one node alone: its server's, or through its proxy.
    func url(of node: Node) async throws -> String {
        let port = if let proxy = proxies[node] { proxy.port } else { try await status(node).port }
        return "\(url.prefix { $0 != "@" })@127.0.0.1:\(port)/lockpool?sslmode=disable&gssencmode=disable"
    }

    /// Makes a standby the primary. The other standbys that run follow it.
    ///
    /// - Parameter node: `nil` for the standby that has received the most, the only one that is
    ///   certain to have each acknowledged commit of a synchronous cluster.
    /// - Returns: The node.
    @discardableResult func promote(_ node: Node? = nil) async throws -> Node {
        let name = try await succeed("promote", node.map { [$0.rawValue] } ?? [])
        guard let node = Node(rawValue: name) else { throw TestServer.Failed(description: "no node: \(name)") }
        return node
    }

    /// Makes a node a standby of the primary, and returns when it receives. What it has and the
    /// primary does not have is lost.
    func follow(_ node: Node) async throws { try await succeed("follow", [node.rawValue]) }

    /// Ends a node without notifying its clients, and returns when it has ended.
    func kill(_ node: Node) async throws { try await succeed("kill", [node.rawValue]) }

    /// Stops a node.
    func shutdown(_ node: Node, _ mode: Shutdown = .fast) async throws {
        try await succeed("shutdown", [node.rawValue, mode.rawValue])
    }

    /// Starts a node as what it was, an old primary as a primary. Ends its sessions if it runs.
    func restart(_ node: Node) async throws { try await succeed("restart", [node.rawValue]) }

    /// Stops all processes of a node, whose clients receive no answer until ``thaw(_:)``.
    func freeze(_ node: Node) async throws { try await succeed("freeze", [node.rawValue]) }

    func thaw(_ node: Node) async throws { try await succeed("thaw", [node.rawValue]) }

    /// Makes a standby receive without replaying, until ``resume(_:)``.
    func pause(_ node: Node) async throws { try await succeed("pause", [node.rawValue]) }

    func resume(_ node: Node) async throws { try await succeed("resume", [node.rawValue]) }

    /// Makes a standby replay each commit this many milliseconds after the primary's commit; `nil`
    /// ends that.
    func lag(_ node: Node, milliseconds: Int?) async throws {
        try await succeed("lag", [node.rawValue, milliseconds.map(String.init) ?? "off"])
    }

    /// Makes the network between the clients and a node a black hole, until ``restore(_:)``. The
    /// nodes still reach each other: they are not connected through the proxies.
    func cut(_ node: Node) { proxies[node]!.cut() }

    func restore(_ node: Node) { proxies[node]!.restore() }

    /// The proxy before a node, for other faults.
    func proxy(_ node: Node) -> FaultProxy { proxies[node]! }

    /// Returns the result of statements on a node in `psql`'s unaligned format: one row per line,
    /// columns separated by `|`.
    @discardableResult func psql(_ node: Node, _ sql: String) async throws -> String {
        try await succeed("psql", [node.rawValue, sql])
    }

    @discardableResult private func succeed(_ command: String, _ arguments: [String] = []) async throws -> String {
        try await Self.succeed(command, arguments, folder: folder)
    }

    private static func status(folder: String) async throws -> [Status] {
        try await succeed("status", [], folder: folder).split(separator: "\n").map { line in
            guard let status = Status(line) else { throw TestServer.Failed(description: "no status: \(line)") }
            return status
        }
    }

    private static func succeed(_ command: String, _ arguments: [String], folder: String) async throws -> String {
        try await ServerScript.cluster.succeed([command] + arguments + ["--folder", folder])
    }
}

/// Provides a cluster that `body` may disturb, and stops it afterwards.
func withCluster(
    standbys: Int = 2,
    isSynchronous: Bool = false,
    hasPoolers: Bool = false,
    hasProxies: Bool = false,
    settings: [String: String] = [:],
    _ body: (TestCluster) async throws -> Void
) async throws {
    let cluster = try await TestCluster(
        standbys: standbys,
        isSynchronous: isSynchronous,
        hasPoolers: hasPoolers,
        hasProxies: hasProxies,
        settings: settings
    )
    do {
        try await body(cluster)
    } catch {
        try await cluster.stop()
        throw error
    }
    try await cluster.stop()
}
