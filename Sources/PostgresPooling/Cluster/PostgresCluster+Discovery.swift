// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// The task that lists the servers.
    final class Discovery: Sendable {
        let task = Locked<Task<Void, Never>?>(nil)
        let signal = ProbeSignal()

        /// Whether a call of the closure has not ended. It may ignore that it is cancelled.
        let isRunning = Atomic(false)
    }

    func beginDiscovery() {
        guard configuration.discover != nil else { return }
        // A failing cluster signals all the time.
        let (interval, pause) = (
            configuration.discoveryInterval, min(configuration.probeInterval, configuration.discoveryInterval)
        )
        let task = Task.detached { [weak self, discovery] in
            while !Task.isCancelled {
                guard let isListed = await self?.refreshServers() else { return }
                try? await Task.sleep(for: pause.jittered)
                await discovery.signal.wait(for: isListed ? interval.jittered : pause.bounded)
            }
        }
        discovery.task.withLock { $0 = task }
    }

    /// Lists the servers, adds those that are new, and removes those that are missing.
    ///
    /// - Returns: Whether the list could be used.
    private func refreshServers() async -> Bool {
        do {
            let names = try await listServers()
            if names.isEmpty { throw PostgresError(.invalidConfiguration, "the list of servers is empty") }
            var hosts: [ClusterHost] = []
            for name in names {
                let host = try ClusterHost(name, defaultPort: defaultPort)
                if !hosts.contains(host) { hosts.append(host) }
            }
            let servers = state.servers
            for host in hosts where !servers.contains(where: { $0.host == host }) {
                try add(host)
                state.record(.serverAdded(host.name))
            }
            for server in servers where !hosts.contains(server.host) {
                remove(server)
                state.record(.serverRemoved(server.name))
            }
            deliverEvents()
            return true
        } catch {
            if !Task.isCancelled { state.record(.discoveryFailed(error)) }
            deliverEvents()
            return false
        }
    }

    private func listServers() async throws -> [String] {
        guard let discover = configuration.discover else { return [] }
        if discovery.isRunning.exchange(true, ordering: .sequentiallyConsistent) {
            throw PostgresError(.timedOut, "an earlier call that lists the servers has not ended")
        }
        let (results, continuation) = AsyncStream.makeStream(
            of: Result<[String], any Error>.self,
            bufferingPolicy: .bufferingOldest(1)
        )
        let call = Task.detached { [discovery] in
            let result: Result<[String], any Error>
            do { result = .success(try await discover()) } catch { result = .failure(error) }
            discovery.isRunning.store(false, ordering: .sequentiallyConsistent)
            continuation.yield(result)
        }
        let timer = Task.detached { [timeout = configuration.discoveryTimeout] in
            try? await Task.sleep(for: timeout.bounded)
            if Task.isCancelled { return }
            continuation.yield(.failure(PostgresError(.timedOut, "the servers were not listed within \(timeout)")))
        }
        var iterator = results.makeAsyncIterator()
        let result = await iterator.next()
        call.cancel()
        timer.cancel()
        // The task was cancelled if there is none.
        return try (result ?? .failure(CancellationError())).get()
    }
}
