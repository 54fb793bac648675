// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LinkService
import ServiceLifecycle

/// A store without a database, in which every code resolves to the same URL. Its rows show the
/// limit that the HTTP server sets.
struct ConstantLinks: LinkStore {
    func run() async { try? await gracefulShutdown() }
    func prepare() {}
    func resolve(_ code: String) -> String? { "https://example.com/articles/1" }
    func create(_ link: Link) {}
    func newest(_ count: Int) -> [Link] {
        (0..<count).map { Link(code: "code\($0)", url: "https://example.com/articles/\($0)") }
    }
    func health() -> Health { Health(isHealthy: true, connections: [:]) }
}
