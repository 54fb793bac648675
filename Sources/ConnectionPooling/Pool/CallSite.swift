// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
internal import LockPool

/// The call site of a checkout, and the task if that task itself keeps and returns the
/// connection.
@frozen
@usableFromInline
package struct CallSite: Sendable, CustomStringConvertible {
    /// The address of the file's name, which is static text.
    @usableFromInline let file: UInt
    @usableFromInline let line: UInt
    /// 0 for none.
    @usableFromInline let task: UInt

    @usableFromInline
    init(file: UInt, line: UInt) {
        self.file = file
        self.line = line
        task = 0
    }

    @inlinable
    @inline(__always)
    package init(_ file: StaticString, _ line: UInt, task: UInt = 0) {
        self.task = task
        self.file = file.hasPointerRepresentation ? unsafe UInt(bitPattern: file.utf8Start) : 0
        self.line = line
    }

    @usableFromInline package var description: String { fileName.map { "\($0):\(line)" } ?? "unknown" }

    /// The name of the file; `nil` if it is not known.
    var fileName: String? {
        unsafe UnsafePointer<CChar>(bitPattern: file).map { unsafe String(cString: $0) }
    }
}

extension CallSite {
    /// Creates a call site of the calling task, which itself keeps and returns the connection.
    /// The pool refuses a nested checkout of that task that would deadlock.
    ///
    /// - Parameters:
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    @inlinable
    @inline(__always)
    package init(inThisTask file: StaticString, _ line: UInt) {
        self.init(file, line, task: lockpool_current_task())
    }
}

// Checkouts for pools on top of this one. Their leases have the call sites of their own callers.

extension ConnectionPool {
    /// Checks out a connection for a call site, as ``getOrCreate(timeout:file:line:)``.
    ///
    /// - Parameter isFirst: Whether the caller has not waited before. A shutdown still serves one
    ///   that has.
    @inlinable
    package func getOrCreate(
        timeout: Duration?,
        for callSite: CallSite,
        isFirst: Bool = true
    ) async throws(PoolError) -> ConnectionLease<Factory> {
        if let idle = takeIdle(callSite) { return ConnectionLease(idle, of: self) }
        return ConnectionLease(try await waitForConnection(timeout: timeout, callSite, isFirst: isFirst), of: self)
    }

    /// Checks out an idle connection for a call site, as ``tryGet(file:line:)``.
    @inlinable
    package func tryGet(for callSite: CallSite) -> ConnectionLease<Factory>? {
        guard let idle = takeIdle(callSite) else { return nil }
        return ConnectionLease(idle, of: self)
    }
}
