// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// What a probe reads: the role, the position, the timeline, the identifier of the database
    /// cluster, and the sizes of the log's pages and segments.
    private typealias Answer = (Bool, PostgresLSN?, Int32?, String?, Int64, Int64)

    /// The statement of a probe.
    ///
    /// The functions `pg_control_…` may be forbidden. Without the rights of `pg_monitor`, a role
    /// does not read `received_tli`; a standby's control file has the new timeline some time
    /// after a promotion.
    private static func question(readsControlFile: Bool) -> PostgresQuery {
        PostgresQuery(
            unsafe: """
                SELECT r.is_standby,
                    CASE WHEN r.is_standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END,
                    CASE WHEN r.is_standby THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver)\
                \(readsControlFile
                    ? ", (SELECT timeline_id FROM pg_control_checkpoint()), (SELECT min_recovery_end_timeline FROM pg_control_recovery())"
                    : ""))
                    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
                    \(readsControlFile ? "(SELECT system_identifier FROM pg_control_system())::text" : "NULL::text"),
                    current_setting('wal_block_size')::int8, pg_size_bytes(current_setting('wal_segment_size'))
                FROM (SELECT pg_is_in_recovery() AS is_standby) r
                """
        )
    }

    private static let questions = (all: question(readsControlFile: true), some: question(readsControlFile: false))

    private func ask(_ server: ClusterServer) async throws -> Answer {
        if server.answersAll.load(ordering: .relaxed) {
            do {
                return try await server.watcher.queryOne(
                    Self.questions.all,
                    as: Answer.self,
                    timeout: configuration.probeTimeout
                )
            } catch let error as PostgresError where error.sqlState == .insufficientPrivilege && error.code == .server {
                server.answersAll.store(false, ordering: .relaxed)
            }
        }
        return try await server.watcher.queryOne(
            Self.questions.some,
            as: Answer.self,
            timeout: configuration.probeTimeout
        )
    }

    /// Asks a server, and draws the conclusions.
    ///
    /// - Returns: The time until the next probe.
    func probe(_ server: ClusterServer) async -> Duration {
        let start = MonotonicClock.now
        let report: ClusterTopology.Report?
        do {
            let answer = try await ask(server)
            let format = LogFormat(blockSize: UInt64(clamping: answer.4), segmentSize: UInt64(clamping: answer.5))
            state.logFormat.withLock { $0 = format }
            let position = answer.1 ?? PostgresLSN(rawValue: 0)
            report = ClusterTopology.Report(
                isPrimary: !answer.0,
                timeline: UInt32(bitPattern: answer.2 ?? 0),
                position: answer.0 ? position : format.endOfRecord(position),
                system: answer.3
            )
            server.isRefusing.store(false, ordering: .relaxed)
            server.lastFailure.withLock { $0 = nil }
        } catch {
            let failure = error as? PostgresError
            server.isRefusing.store(
                failure?.code == .connectFailed && failure?.isPermanentConnectFailure == true,
                ordering: .relaxed
            )
            server.lastFailure.withLock { $0 = (error as? PostgresError)?.message ?? "\(error)" }
            report = nil
        }
        let now = MonotonicClock.now
        let (changes, before) = state.update(server) { topology in
            guard let report else { return topology.recordFailure(of: server.index) }
            return topology.record(report, from: server.index, start: start, now: now)
        }
        if report != nil {
            server.record(latency: now - start)
        } else {
            server.watcher.evictAll()
            // Its role on the next server at this address may be another one.
            server.answersAll.store(true, ordering: .relaxed)
        }
        apply(changes, before, server)
        notifyObservers(of: server)
        // A server that does not answer is asked more often, each at another time.
        let interval = report == nil ? configuration.probeInterval / 4 : configuration.probeInterval
        return interval.jittered
    }

    private func apply(_ changes: [ClusterTopology.Change], _ before: ClusterServer?, _ server: ClusterServer) {
        for change in changes {
            switch change {
            // The connections of a primary that another one has replaced, or that is one no more.
            case .primary(let index):
                before?.replacePool()
                if index == nil { discovery.signal.signal() }
            // Its reads go to another server. A primary may come back, and its writes cannot be
            // repeated.
            case .unreachable:
                if server !== before { server.replacePool() }
                discovery.signal.signal()
            case .reachable, .splitBrain, .stranger: break
            }
        }
    }
}
