// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The statements that a connection has prepared on the server, up to a bound.
///
/// A text that comes for the first time is not prepared: that would cost a round trip more, and most texts of that kind do not come
/// again. From its second time on it is. When there are more than the bound, the one that was not used for longest goes.
struct StatementCache {
    /// What is prepared: a text, and the types of its parameters.
    ///
    /// Made for each statement that is run, and so without an array of its own: it holds the parameters. What is remembered has
    /// forgotten their values.
    struct Key: Hashable {
        private let text: ExactText
        private let parameters: [PostgresParameter]

        init(_ query: PostgresQuery) { self.init(text: ExactText(query.text), parameters: query.parameters) }

        private init(text: ExactText, parameters: [PostgresParameter]) {
            self.text = text
            self.parameters = parameters
        }

        var types: [UInt32] { parameters.map(\.type.oid) }

        var withoutValues: Key { Key(text: text, parameters: parameters.map { .null($0.type) }) }

        static func == (one: Key, other: Key) -> Bool {
            let count = one.parameters.count
            guard count == other.parameters.count else { return false }
            for index in 0..<count where one.parameters[index].type != other.parameters[index].type { return false }
            return one.text == other.text
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(text)
            for index in parameters.indices { hasher.combine(parameters[index].type.oid) }
        }
    }

    /// Under what name a statement is to be prepared, and the name of the one that is to be deallocated before that.
    struct Preparation {
        let name: String
        let evicting: String?
    }

    enum Plan {
        /// Send the text itself.
        case once
        /// Prepare it first.
        case prepare(Preparation)
        /// It is prepared under this name.
        case prepared(name: String)
    }

    private final class Entry {
        let key: Key
        var name: String?
        var lastUse = 0

        init(_ key: Key) { self.key = key }
    }

    let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// The one of the last statement, which is often the next one's too: found without a hash.
    private var latest: Entry?
    private var uses = 0
    private var preparedCount = 0
    private var nextNumber = 1

    init(capacity: Int) { self.capacity = capacity }

    /// The name of a statement that the server has prepared, which is used now; `nil` if it has not, as far as is known. O(1).
    mutating func name(of key: Key) -> String? {
        guard let entry = entry(key), let name = entry.name else { return nil }
        use(entry)
        return name
    }

    private func entry(_ key: Key) -> Entry? { latest?.key == key ? latest : entries[key] }

    private mutating func use(_ entry: Entry) {
        uses += 1
        entry.lastUse = uses
        latest = entry
    }

    /// How a statement is to be sent. O(1), but O(`capacity`) when another has to go.
    ///
    /// - Parameter mayEvict: Whether another may go to make room; if not, and there is none, the statement is sent as it is.
    mutating func plan(_ key: Key, mayEvict: Bool = true) -> Plan {
        guard capacity > 0 else { return .once }
        guard let entry = entry(key) else {
            // As many texts that came once are remembered as there may be prepared ones.
            if entries.count - preparedCount >= capacity { evictUnprepared() }
            use(remember(key))
            return .once
        }
        use(entry)
        if let name = entry.name { return .prepared(name: name) }
        let isFull = preparedCount >= capacity
        if isFull, !mayEvict { return .once }
        let evicted = isFull ? evictPrepared() : nil
        defer { nextNumber += 1 }
        return .prepare(Preparation(name: "lockpool_\(nextNumber)", evicting: evicted))
    }

    private mutating func remember(_ key: Key) -> Entry {
        let entry = Entry(key.withoutValues)
        entries[entry.key] = entry
        return entry
    }

    /// Whether the server has prepared a statement, as far as is known.
    func isPrepared(_ key: Key) -> Bool { entries[key]?.name != nil }

    /// Notes that the server has prepared a statement.
    mutating func didPrepare(_ key: Key, name: String) {
        let entry = entries[key] ?? remember(key)
        if entry.name == nil { preparedCount += 1 }
        entry.name = name
        entry.lastUse = uses
    }

    /// Forgets a statement that the server does not have any more, or not as it should be.
    mutating func remove(_ key: Key) {
        latest = nil
        if entries.removeValue(forKey: key)?.name != nil { preparedCount -= 1 }
    }

    mutating func removeAll() {
        latest = nil
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
