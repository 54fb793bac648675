// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Hummingbird
import Logging

/// The routes of the service, for any store.
///
/// - `POST /links` with `{"url": "https://…"}` stores a link; 201. `"code"` sets the code.
/// - `GET /links/:code` redirects to the URL and counts the hit; 302.
/// - `GET /links` lists the newest 50.
/// - `GET /health` answers 200 or 503.
public func linkRouter(_ store: some LinkStore) -> Router<BasicRequestContext> {
    let router = Router()
    router.add(middleware: LogRequestsMiddleware(.debug))
    router.add(middleware: ErrorTable())
    router.post("links") { request, context in
        let link = try await request.decode(as: NewLink.self, context: context).link()
        try await store.create(link)
        return EditedResponse(status: .created, headers: [.location: "/links/\(link.code)"], response: link)
    }
    router.get("links/:code") { _, context in
        guard let url = try await store.resolve(try context.parameters.require("code")) else {
            throw HTTPError(.notFound, message: "there is no link with this code")
        }
        return Response(status: .found, headers: [.location: url])
    }
    router.get("links") { _, _ in try await store.newest(50) }
    router.get("health") { _, _ in
        let health = await store.health()
        return EditedResponse(status: health.isHealthy ? .ok : .serviceUnavailable, response: health)
    }
    return router
}

/// The body of `POST /links`.
private struct NewLink: Decodable {
    let url: String
    let code: String?

    /// Creates the link to store.
    ///
    /// - Throws: `HTTPError` with the status 400 if the URL or the code is invalid.
    func link() throws(HTTPError) -> Link {
        // Foundation accepts strings that are not URLs. The URL becomes a header field, which must
        // contain no control character.
        guard url.utf8.count <= 2_048, url.utf8.allSatisfy({ 0x21...0x7E ~= $0 }), let parsed = URL(string: url),
            parsed.scheme == "https" || parsed.scheme == "http", parsed.host()?.isEmpty == false
        else { throw HTTPError(.badRequest, message: "url must be an http or https URL of at most 2048 characters") }
        guard let code else { return Link(code: Self.randomCode(), url: url) }
        guard 1...32 ~= code.utf8.count, code.allSatisfy({ Self.alphabet.contains($0) || $0 == "-" }) else {
            throw HTTPError(.badRequest, message: "code must be 1 to 32 letters, digits or hyphens")
        }
        return Link(code: code, url: url)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    /// 62⁸ codes: with a billion links, one new code in 200,000 is taken already.
    private static func randomCode() -> String { String((0..<8).map { _ in alphabet.randomElement()! }) }
}
