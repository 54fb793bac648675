// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

// Group commit: writes that wait while another one runs share its transaction.
//
// A member that has run releases the connection immediately, with the transaction open. If a call
// waits, the release puts it into the mailbox of this thread. No other call can use the connection
// except through that mailbox. For this reason the blocking methods use the mailbox too where
// writes are grouped. The transaction ends when the mailbox is empty and no member is expected
// soon, when the next item does not belong in a group, or when the group is full.

extension Call {
    /// Runs this write and those that arrive during the group in one transaction, and completes
    /// all of them after the commit.
    ///
    /// - Returns: A work item from the mailbox that does not belong to the group.
    func runInGroup(
        _ group: GroupCommit,
        _ worker: SQLiteWorker,
        _ lease: consuming ConnectionLease<SQLiteWorkerFactory>
    ) -> WorkItem? {
        var members: [Call] = []
        var unrelated: WorkItem?
        var current: Call? = self
        var isMaintenanceDue = false
        var held: ConnectionLease<SQLiteWorkerFactory>? = consume lease
        do {
            let session = try worker.sessionForUse()
            while let member = current {
                current = nil
                worker.whileRunningBody { member.performAsMember(in: session) }
                members.append(member)
                if !session.isGroupOpen {
                    // The transaction has ended: this member failed alone, or lost the writes of
                    // the others as well.
                    for other in members.dropLast() where !other.hasFailed {
                        other.fail(session.sharedTransactionLost())
                    }
                    break
                }
                guard members.count < group.limit, !session.membership.isAlone else { break }
                // Before the release, which inspects the connection.
                worker.updateReusability(of: session)
                release(&held)
                let next = group.expectsMembers ? worker.thread.pollNext() : worker.thread.tryNext()
                if let call = next as? Call, call.scope.mayShareCommit, !call.needsNewSession, !session.mustBeReplaced {
                    current = call
                    held = call.takeLease()
                } else {
                    unrelated = next
                }
            }
            do throws(SQLiteError) {
                try session.endGroup()
            } catch {
                for member in members where !member.hasFailed { member.fail(error) }
            }
            worker.endUse(of: session)
            isMaintenanceDue = session.isMaintenanceDue
            worker.updateReusability(of: session)
        } catch {
            fail(error)
            members = [self]
        }
        group.expect(members.count)
        if isMaintenanceDue {
            for member in members { member.complete() }
            // If the connection is already released, its next caller can only reach it through the
            // mailbox.
            worker.maintain()
            release(&held)
        } else {
            release(&held)
            for member in members { member.complete() }
        }
        return unrelated
    }

    private func release(_ lease: inout ConnectionLease<SQLiteWorkerFactory>?) { lease = nil }
}

/// The limit on the writes that share a commit, and the number of members of the last group that
/// have not called again.
///
/// A task that writes repeatedly makes its next call soon after a commit. While members of the
/// last group are expected to call again, the connection's thread polls for the next one before it
/// commits.
///
/// The number is an estimate; a wrong one costs some microseconds. All accesses are relaxed,
/// because no data depend on it.
final class GroupCommit: Sendable {
    /// The maximum number of writes in a transaction.
    let limit: Int
    private let expected = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// Notes that the members of a group are about to be resumed.
    func expect(_ members: Int) { expected.store(members, ordering: .relaxed) }

    /// Notes a call.
    func noteCall() { expected.subtract(1, ordering: .relaxed) }

    var expectsMembers: Bool { expected.load(ordering: .relaxed) > 0 }
}
