// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What became of the attempt to apply one migration.
enum MigrationAttempt: Sendable {
    case applied(Duration)
    /// Another process applies migrations.
    case busy
    /// Another process has changed the table of migrations.
    case superseded
}

/// A database to which migrations are applied.
protocol MigrationTarget<Content> {
    associatedtype Content: Sendable

    /// Returns the rows of the table of migrations, in the order of their application; none if
    /// there is no such table.
    func records() async throws -> [MigrationRecord]

    /// Applies a migration under the lock, if it is still the first pending one.
    ///
    /// - Parameter hasBegun: Is set before the first statement of the migration.
    func apply(_ migration: PendingMigration<Content>, _ hasBegun: Flag) async throws -> MigrationAttempt
}

extension MigrationList {
    /// Applies the pending migrations in order.
    ///
    /// Each is applied under a lock of its own, and under the lock it is looked up again whether
    /// it is the next one. Processes that start together thus apply each migration once, perhaps
    /// by turns.
    ///
    /// - Returns: The names of the migrations that this call has applied.
    func apply(
        to target: some MigrationTarget<Content>,
        until deadline: ContinuousClock.Instant?,
        _ progress: @Sendable (MigrationEvent) -> Void
    ) async throws -> [String] {
        var applied: [String] = []
        var pauses = MigrationPauses(deadline: deadline)
        var hasWaited = false
        while true {
            let hasBegun = Flag()
            var current: String?
            do {
                guard let next = try await pending(after: target.records()).first else { return applied }
                current = next.name
                try Task.checkCancellation()
                switch try await target.apply(next, hasBegun) {
                case .applied(let duration):
                    applied.append(next.name)
                    progress(.applied(next.name, duration))
                    pauses = MigrationPauses(deadline: deadline)
                case .superseded:
                    pauses = MigrationPauses(deadline: deadline)
                case .busy:
                    if !hasWaited { progress(.waiting) }
                    hasWaited = true
                    try await pauses.pause()
                }
            } catch {
                let error = explained(error, in: hasBegun.isSet ? current : nil, deadline)
                if hasBegun.isSet, let current { progress(.failed(current, error)) }
                throw error
            }
        }
    }

    /// Returns the error for the caller.
    ///
    /// - Parameter migration: The migration that has begun; `nil` if none has.
    private func explained(
        _ error: any Error,
        in migration: String?,
        _ deadline: ContinuousClock.Instant?
    ) -> any Error {
        if error is CancellationError { return error }
        if let migration { return MigrationError.failed(migration, error) }
        guard let deadline, ContinuousClock.now >= deadline, !(error is MigrationError) else { return error }
        return MigrationError(.timedOut, "the time limit passed before the next migration began", underlying: error)
    }
}

/// A flag that one thread sets and another reads.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}

/// The pauses between attempts to take a lock that another process holds.
///
/// A statement that waited for the lock would be a transaction for whose end
/// `CREATE INDEX CONCURRENTLY` of the holder waits.
private struct MigrationPauses {
    let deadline: ContinuousClock.Instant?
    private var next = Duration.milliseconds(5)

    init(deadline: ContinuousClock.Instant?) { self.deadline = deadline }

    /// - Throws: `CancellationError`, or `MigrationError` at the deadline.
    mutating func pause() async throws {
        if let deadline, ContinuousClock.now >= deadline {
            throw MigrationError(.timedOut, "another process was applying migrations until the time limit passed")
        }
        try await Task.sleep(until: min(.now + next, deadline ?? .now + next), clock: .continuous)
        next = min(next * 2, .milliseconds(500))
    }
}

/// Returns the time that is left until a deadline; `nil` for no limit.
func remainingTime(until deadline: ContinuousClock.Instant?) -> Duration? {
    deadline.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
}

/// Returns the deadline of a call. More than 100 years count as 100 years.
func deadline(after timeout: Duration?) -> ContinuousClock.Instant? {
    timeout.map { .now + min($0, .seconds(100 * 365 * 86_400)) }
}
