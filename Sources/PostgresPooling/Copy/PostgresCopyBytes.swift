// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// A sequence of the bytes of a `COPY … TO STDOUT`, from
/// ``PostgresConnection/copyBytes(_:timeout:)``.
///
/// ```swift
/// for try await chunk in db.copyBytes("COPY person TO STDOUT (FORMAT csv, HEADER)") {
///     try file.write(contentsOf: chunk)
/// }
/// ```
///
/// The sequence reads from the socket only as its elements are consumed, so a slow consumer slows
/// the server down, and memory stays constant. Each iteration runs the statement.
///
/// If an iteration ends early, the next statement on the connection waits until the rest is
/// discarded. Outside a transaction, the server is asked to cancel the statement after a
/// millisecond, unless it changes data. Within a transaction all rows are read, and the
/// transaction continues.
public struct PostgresCopyBytes: AsyncSequence {
    /// Some rows in the format of the statement, some 16 KB or one longer row.
    public typealias Element = [UInt8]
    /// The error of an iteration: ``PostgresError``, or `CancellationError`.
    public typealias Failure = any Error

    let source: CopySource

    /// Returns an iterator. Its first `next()` runs the statement.
    public func makeAsyncIterator() -> Iterator { Iterator(receiver: CopyReceiver(source)) }

    /// An iterator over the chunks.
    public struct Iterator: AsyncIteratorProtocol {
        let receiver: CopyReceiver

        private static var chunkSize: Int { 65_536 }

        /// Returns the next chunk, which ends with a row; `nil` after the last one.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: ``PostgresError``, with the code `streamEnded` if the lease has ended or
        ///   another statement has run, `unsupported` if the statement is not
        ///   `COPY … TO STDOUT`; `CancellationError` if the task was cancelled.
        public mutating func next() async throws -> [UInt8]? { try await next(isolation: #isolation) }

        /// Returns the next chunk; `nil` after the last one. The same as ``next()``, for
        /// actor-isolated code.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            let data = try await receiver.nextData { session, statement, limit throws(PostgresError) in
                let text = try statement.textOfCopy()
                _ = try await session.beginCopy(text, PGRES_COPY_OUT, limit)
                return text
            }
            guard let data else { return nil }
            var chunk: [UInt8] = []
            unsafe chunk.reserveCapacity(Swift.max(data.bytes.count, 16_384))
            Self.append(data, to: &chunk)
            while chunk.count < Self.chunkSize, let more = try receiver.bufferedData() {
                Self.append(more, to: &chunk)
            }
            return chunk
        }

        private static func append(_ data: CopyData, to chunk: inout [UInt8]) {
            unsafe chunk.append(contentsOf: data.bytes)
            data.free()
        }
    }
}

@available(*, unavailable)
extension PostgresCopyBytes: Sendable {}

@available(*, unavailable)
extension PostgresCopyBytes.Iterator: Sendable {}

extension PostgresConnection {
    /// Returns a sequence of the bytes of a `COPY … TO STDOUT`.
    ///
    /// - Parameters:
    ///   - statement: The statement, with any options. The server reads no parameters in it. It
    ///     runs when the iteration begins.
    ///   - timeout: The timeout for the whole iteration; by default the configuration's
    ///     `statementTimeout`.
    public func copyBytes(_ statement: PostgresQuery, timeout: Duration? = nil) -> PostgresCopyBytes {
        PostgresCopyBytes(source: copySource(statement, timeout: timeout))
    }
}
