// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

/// The response of a server.
struct HTTPAnswer {
    let status: Int
    /// The header fields by their names in lower case.
    let headers: [String: String]
    let body: Data

    /// Sends a request on a new connection, and suspends until its response is complete.
    ///
    /// `URLSession` on Linux cannot replace this: libdispatch crashes when a child process has
    /// inherited a socket that the session then closes.
    init(to method: String, _ path: String, _ json: String?, at server: URL) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: try #require(server.host()), port: try #require(server.port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        NIOHTTPClientResponseAggregator(maxContentLength: 1 << 24)
                    )
                    return try NIOAsyncChannel<NIOHTTPClientResponseFull, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        self = try await channel.executeThenClose { answers, requests in
            let body = ByteBuffer(string: json ?? "")
            var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: path)
            head.headers.add(name: "Host", value: "localhost")
            head.headers.add(name: "Content-Length", value: "\(body.readableBytes)")
            if json != nil { head.headers.add(name: "Content-Type", value: "application/json") }
            try await requests.write(.head(head))
            try await requests.write(.body(.byteBuffer(body)))
            try await requests.write(.end(nil))
            for try await answer in answers { return HTTPAnswer(answer) }
            throw ChannelError.eof
        }
    }

    private init(_ answer: NIOHTTPClientResponseFull) {
        status = Int(answer.head.status.code)
        headers = Dictionary(answer.head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        body = Data(answer.body.map { Array($0.readableBytesView) } ?? [])
    }

    func decode<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: body)
    }
}
