// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The statements that a connection has prepared on the server, up to a bound.
///
/// A text that comes for the first time is not prepared: that would cost a round trip more, and most texts of that kind do not come
/// again. From its second time on it is. When there are more than the bound, the one that was not used for longest goes.
struct StatementCache {
    struct Key: Hashable {
        let text: String
        let types: [UInt32]

        init(_ query: PostgresQuery) {
            text = query.text
            types = query.parameters.map(\.type.oid)
        }
    }

    enum Plan {
        /// Send the text itself.
        case once
        /// Prepare it under this name first; `evicting` is to be deallocated before that.
        case prepare(name: String, evicting: String?)
        /// It is prepared under this name.
        case prepared(name: String)
    }

    private struct Entry {
        var name: String?
        var lastUse: Int
    }

    let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var uses = 0
    private var preparedCount = 0
    private var nextNumber = 1

    init(capacity: Int) { self.capacity = capacity }

    /// How a statement is to be sent. O(1), but O(`capacity`) when another has to go.
    ///
    /// - Parameter mayEvict: Whether another may go to make room; if not, and there is none, the statement is sent as it is.
    mutating func plan(_ key: Key, mayEvict: Bool = true) -> Plan {
        guard capacity > 0 else { return .once }
        uses += 1
        if let index = entries.index(forKey: key) {
            entries.values[index].lastUse = uses
            if let name = entries.values[index].name { return .prepared(name: name) }
            let isFull = preparedCount >= capacity
            if isFull, !mayEvict { return .once }
            let evicted = isFull ? evictPrepared() : nil
            defer { nextNumber += 1 }
            return .prepare(name: "lockpool_\(nextNumber)", evicting: evicted)
        }
        // As many texts that came once are remembered as there may be prepared ones.
        if entries.count - preparedCount >= capacity { evictUnprepared() }
        entries[key] = Entry(name: nil, lastUse: uses)
        return .once
    }

    /// Whether the server has prepared a statement, as far as is known.
    func isPrepared(_ key: Key) -> Bool { entries[key]?.name != nil }

    /// Notes that the server has prepared a statement.
    mutating func didPrepare(_ key: Key, name: String) {
        if entries.updateValue(Entry(name: name, lastUse: uses), forKey: key)?.name == nil { preparedCount += 1 }
    }

    /// Forgets a statement that the server does not have any more, or not as it should be.
    mutating func remove(_ key: Key) {
        if entries.removeValue(forKey: key)?.name != nil { preparedCount -= 1 }
    }

    mutating func removeAll() {
        entries = [:]
        preparedCount = 0
    }

    private mutating func evictPrepared() -> String? {
        let oldest = entries.lazy.filter { $0.value.name != nil }.min { $0.value.lastUse < $1.value.lastUse }
        guard let oldest else { return nil }
        remove(oldest.key)
        return oldest.value.name
    }

    private mutating func evictUnprepared() {
        let oldest = entries.lazy.filter { $0.value.name == nil }.min { $0.value.lastUse < $1.value.lastUse }
        if let oldest { remove(oldest.key) }
    }
}
