// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// Group commit: writes that wait while another runs share its transaction.
//
// A member that has run gives the connection back at once, with the transaction open. If somebody waits, the next call lands in
// the mailbox of this thread by that, and nobody else can use the connection but through that mailbox: which is why calls on
// threads of their own come through it too, where writes are grouped. So the transaction ends when the mailbox is empty and nobody
// is expected soon, when what is in it does not belong into a group, or when the group is full.

extension Request {
    /// Runs this write and those that come meanwhile in one transaction, and completes them all after the commit.
    ///
    /// - Returns: What has come and is no part of the group.
    func runInGroup(
        _ group: GroupCommit,
        _ worker: SQLiteWorker,
        _ lease: consuming ConnectionLease<SQLiteWorkerFactory>
    ) -> Work? {
        var members: [Request] = []
        var stranger: Work?
        var current: Request? = self
        var isMaintenanceDue = false
        var held: ConnectionLease<SQLiteWorkerFactory>? = consume lease
        do {
            let session = try worker.sessionForGroup()
            while let member = current {
                current = nil
                worker.noting { member.performAsMember(in: session) }
                members.append(member)
                if !session.isGroupOpen {
                    // Nothing of the group is left: this one has failed and was alone, or has taken the others with it.
                    for other in members.dropLast() where !other.hasFailed {
                        other.fail(session.sharedTransactionLost())
                    }
                    break
                }
                guard members.count < group.limit, !session.membership.isAlone else { break }
                // Before it is given back, which is when that is looked at.
                worker.judge(session)
                drop(&held)
                let next = group.isAnybodyExpected ? worker.thread.nextSoon() : worker.thread.nextIfAny()
                if let request = next as? Request, request.scope.mayShareCommit, !session.isSpent {
                    current = request
                    held = request.takeLease()
                } else {
                    stranger = next
                }
            }
            do throws(SQLiteError) {
                try session.endGroup()
            } catch {
                for member in members where !member.hasFailed { member.fail(error) }
            }
            isMaintenanceDue = session.isMaintenanceDue
            worker.judge(session)
        } catch {
            fail(error)
            members = [self]
        }
        group.expect(members.count)
        if isMaintenanceDue {
            for member in members { member.complete() }
            // If the connection is given back already, its next caller has nothing of it but the mailbox.
            worker.maintain()
            drop(&held)
        } else {
            drop(&held)
            for member in members { member.complete() }
        }
        return stranger
    }

    private func drop(_ lease: inout ConnectionLease<SQLiteWorkerFactory>?) { lease = nil }
}
