// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// An observer of a ``SQLitePool`` that also receives the events of its write-ahead log.
///
/// ```swift
/// let pool = try SQLitePool(path: "app.sqlite", observers: [CheckpointLog()])
/// ```
public protocol SQLitePoolObserver: PoolObserver {
    /// Receives an event. The pool calls it on the writer's thread; it must not block and must not call the pool.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - pool: The configuration's name of the pool.
    func observe(_ event: SQLitePoolEvent, in pool: String)
}
