// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import LockPool

extension ClusterTopology {
    /// Returns why a server may not answer a read of a policy; `nil` if it may.
    ///
    /// - Parameters:
    ///   - index: The server.
    ///   - policy: The policy.
    ///   - now: The instant, in nanoseconds.
    func obstacle(
        of index: Int,
        for policy: PostgresReadPolicy,
        now: UInt64
    ) -> PostgresError.UnqualifiedServer.Reason? {
        let role = role(of: index)
        guard role == .standby, policy.servers == .standbys else {
            if role == .unknown { return .unreachable }
            return policy.servers == .primary && role == .primary ? nil : .role
        }
        guard servesReads(index) else {
            return servers[index].report?.timeline == 0 ? .unknownTimeline : .oldTimeline
        }
        let isWithin =
            switch policy.maximumLag {
            case nil: true
            case .bytes(let most): lagBytes(of: index).map { $0 <= UInt64(max(0, most)) } ?? false
            case .time(let most): lagTime(of: index, at: now).map { $0 <= most.wholeNanoseconds } ?? false
            }
        return isWithin ? nil : .lag
    }

    /// Returns the standbys within the lag of a policy.
    func standbys(for policy: PostgresReadPolicy, now: UInt64) -> [Int] {
        servers.indices.filter { role(of: $0) == .standby && obstacle(of: $0, for: policy, now: now) == nil }
    }
}
