// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Sends the bytes of a `COPY` from the client, in the format that the statement names.
///
/// Lent to the body of ``PostgresConnection/copy(_:timeout:_:)``, from which it cannot escape.
public struct PostgresCopyByteWriter: ~Copyable {
    let sender: CopySender

    init(_ sender: CopySender) { self.sender = sender }

    /// The number of bytes that were written so far.
    public var byteCount: Int { sender.sentBytes + sender.count }

    /// Writes bytes. They need not end with a row.
    ///
    /// Small pieces are sent together. Suspends while the server is slower than the caller.
    ///
    /// - Parameter bytes: A part of the data, such as the `utf8` of a text.
    /// - Throws: ``PostgresError`` if the server has ended the `COPY`, or the deadline has passed;
    ///   `CancellationError` if the task is cancelled. Nothing is stored then.
    public borrowing func write(_ bytes: some Collection<UInt8>) async throws {
        do throws(PostgresError) {
            let isWhole: Void? = bytes.withContiguousStorageIfAvailable { bytes in
                if bytes.count <= CopySender.flushSize { unsafe sender.append(UnsafeRawBufferPointer(bytes)) }
            }
            if isWhole == nil || bytes.count > CopySender.flushSize {
                var rest = bytes[...]
                // In pieces, so that the buffer does not grow.
                while !rest.isEmpty {
                    sender.append(elements: rest.prefix(CopySender.flushSize))
                    rest = rest.dropFirst(CopySender.flushSize)
                    if sender.isFull { try await sender.flush() }
                }
            }
            if sender.isFull { try await sender.flush() }
        } catch {
            throw error.forCaller
        }
    }
}

@available(*, unavailable)
extension PostgresCopyByteWriter: Sendable {}

extension CopySender {
    fileprivate func append(elements: some Collection<UInt8>) {
        let isAppended: Void? = elements.withContiguousStorageIfAvailable { bytes in
            unsafe append(UnsafeRawBufferPointer(bytes))
        }
        if isAppended == nil { for byte in elements { append(byte) } }
    }
}
