// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The statements that a connection has run or prepared, up to a number and a size.
///
/// A text that comes for the first time is not prepared: that would cost a round trip more, and most texts of that kind do not come
/// again. From its second time on it is. When there is no room, the statement that was not used for the longest time is evicted.
struct StatementCache {
    /// A statement that the server has prepared.
    final class Prepared: Sendable {
        let name: String
        let text: String
        /// The types that the parameters are sent with; `nil` if they are those of the values.
        let types: [UInt32]?
        fileprivate let byteCount: Int

        init(name: String, text: String, types: [UInt32]?, byteCount: Int) {
            self.name = name
            self.text = text
            self.types = types
            self.byteCount = byteCount
        }
    }

    /// How a statement that is not prepared is to be run.
    enum Plan {
        /// As it is, with these types of the parameters; `nil` for those of the values.
        case send(types: [UInt32]?)
        /// After the server has taken the types of the parameters: a failure would end the transaction.
        case check
        /// By a name that the server has prepared for the same text in other pieces.
        case execute(Prepared)
        /// By name, after it has been prepared.
        case prepare(Preparation)
    }

    /// A statement that is to be prepared.
    struct Preparation {
        let statement: Prepared
        /// The names that are to be deallocated before.
        let evicting: [String]
    }

    private final class Entry {
        let key: Key
        let byteCount: Int
        var prepared: Prepared?
        /// The types that the parameters are to be sent with; `nil` for those of the values.
        var types: [UInt32]?
        /// Whether the server has taken these types, as far as is known.
        var isChecked = false
        var lastUse = 0

        init(_ key: Key, byteCount: Int) {
            self.key = key
            self.byteCount = byteCount
        }
    }

    let capacity: Int
    let byteCapacity: Int
    /// What the connections of the pool have learned of parameters' types.
    let resolved: ResolvedTypes
    /// Whether statements may be prepared by name; not behind a pooler that may execute them in another session.
    var isNaming = true

    private var entries: [Key: Entry] = [:]
    /// The entry of the last statement, which is often the next one's too: found without a hash.
    private var latest: Entry?
    private var uses = 0
    /// What the server has prepared and may be executed, by its name. Keys of the same text share it.
    private var names: [String: Prepared] = [:]
    private var preparedBytes = 0
    /// What the server may still have and is not to be executed.
    private var outdated: Set<String> = []
    /// The pool's ``ResolvedTypes/schemaVersion`` that the prepared statements are of.
    private var schemaVersion: Int
    /// Of the entries that are not prepared.
    private var (seenCount, seenBytes) = (0, 0)

    init(capacity: Int, byteCapacity: Int = 1 << 20, resolved: ResolvedTypes = ResolvedTypes()) {
        self.capacity = capacity
        self.byteCapacity = byteCapacity
        self.resolved = resolved
        schemaVersion = resolved.schemaVersion
    }

    /// Returns a statement, which is used now, as the server has prepared it; `nil` if it has not, as far as is known. O(length of
    /// the statement).
    mutating func prepared(_ key: Key) -> Prepared? {
        if schemaVersion != resolved.schemaVersion { releaseZoned() }
        guard let entry = entry(key), let prepared = entry.prepared else { return nil }
        use(entry)
        return prepared
    }

    /// Makes statements with instants or timestamps among their values unprepared, so that the time zones of their parameters are checked
    /// again.
    private mutating func releaseZoned() {
        schemaVersion = resolved.schemaVersion
        let names = entries.values.filter { Zoning.mayConvert($0.key) }.compactMap(\.prepared?.name)
        for name in Set(names) {
            release(name)
            outdated.insert(name)
        }
    }

    private func entry(_ key: Key) -> Entry? { latest?.key == key ? latest : entries[key] }

    private mutating func use(_ entry: Entry) {
        uses += 1
        entry.lastUse = uses
        if latest !== entry { latest = entry }
    }

    /// Decides how a statement that is not prepared is to be run now.
    ///
    /// - Parameters:
    ///   - key: The statement.
    ///   - text: Its text.
    ///   - isNamed: Whether it may be prepared.
    ///   - mayEvict: Whether others may be evicted for it; if not, and there is no room, it is not prepared.
    ///   - mustCheck: Whether the types of its parameters must not be refused.
    /// - Complexity: O(length of the statement), and O(`capacity`) for each one that is evicted.
    mutating func plan(
        _ key: Key,
        text: String,
        isNamed: Bool = true,
        mayEvict: Bool = true,
        mustCheck: Bool = false
    ) -> Plan {
        guard let entry = entry(key) else { return firstPlan(key, text: text, mustCheck: mustCheck) }
        use(entry)
        if mustCheck, !entry.isChecked { return .check }
        if isNamed, isNaming, let plan = namedPlan(entry, text: text, mayEvict: mayEvict) { return plan }
        // What the server refuses is noted as unchecked again.
        entry.isChecked = true
        return .send(types: entry.types)
    }

    private mutating func firstPlan(_ key: Key, text: String, mustCheck: Bool) -> Plan {
        let byteCount = key.byteCount(text: text)
        let isLarge = isLarge(byteCount)
        let declared = key.types
        let isFlexible = declared.contains { TypeSearch.isFlexible($0) }
        var types = isFlexible ? nil : declared
        if isFlexible, !isLarge, mustCheck || resolved.hasOthers {
            types = resolved.types(of: StatementIdentity(text: text, types: declared))
        }
        let others = types == declared ? nil : types
        let isChecked = types != nil || !mustCheck
        if capacity > 0, !isLarge {
            let entry = remember(key, byteCount: byteCount)
            (entry.types, entry.isChecked) = (others, isChecked)
            use(entry)
        }
        return isChecked ? .send(types: others) : .check
    }

    /// Whether a statement is too large to be remembered.
    private func isLarge(_ byteCount: Int) -> Bool { byteCount > byteCapacity / 8 }

    private mutating func namedPlan(_ entry: Entry, text: String, mayEvict: Bool) -> Plan? {
        // Before the hash is computed, which would be for nothing.
        if !mayEvict, !hasRoom(for: entry) { return nil }
        let name = StatementIdentity(text: text, types: entry.types ?? entry.key.types).name
        if let prepared = names[name] {
            // Values of other types share the name, and each is converted in its own way.
            let own =
                prepared.types == entry.types
                ? prepared
                : Prepared(name: name, text: prepared.text, types: entry.types, byteCount: prepared.byteCount)
            setPrepared(entry, own)
            return .execute(own)
        }
        while !hasRoom(for: entry) { guard evictPrepared() else { return nil } }
        guard mayEvict || !outdated.contains(name) else { return nil }
        return .prepare(
            Preparation(
                statement: Prepared(name: name, text: text, types: entry.types, byteCount: entry.byteCount),
                evicting: mayEvict ? outdated.sorted() : []
            )
        )
    }

    // MARK: What has become of a statement

    /// Whether the server has prepared a statement, as far as is known.
    func isPrepared(_ key: Key) -> Bool { preparedName(key) != nil }

    /// The name that the server has prepared a statement under, as far as is known.
    func preparedName(_ key: Key) -> String? { entries[key]?.prepared?.name }

    /// Notes that the server has prepared a statement.
    mutating func didPrepare(_ key: Key, _ preparation: Preparation) {
        let statement = preparation.statement
        let entry = entries[key] ?? remember(key, byteCount: statement.byteCount)
        if names.updateValue(statement, forKey: statement.name) == nil { preparedBytes += statement.byteCount }
        entry.isChecked = true
        setPrepared(entry, statement)
        note(key, text: statement.text, types: statement.types)
    }

    /// Notes that the server has no statement of this name.
    mutating func didDeallocate(_ name: String) { outdated.remove(name) }

    /// Notes with what types the server takes the parameters of a statement.
    ///
    /// - Parameter types: The types of all parameters; `nil` for those of the values.
    mutating func didResolve(_ key: Key, text: String, types: [UInt32]?) {
        if let entry = entries[key] {
            if entry.types != types, let name = entry.prepared?.name {
                release(name)
                outdated.insert(name)
            }
            (entry.types, entry.isChecked) = (types, true)
        }
        note(key, text: text, types: types)
    }

    private func note(_ key: Key, text: String, types: [UInt32]?) {
        let declared = key.types
        guard !isLarge(key.byteCount(text: text)), declared.contains(where: { TypeSearch.isFlexible($0) }) else {
            return
        }
        resolved.note(types ?? declared, of: StatementIdentity(text: text, types: declared), areOthers: types != nil)
    }

    /// Notes that a statement has failed before it was prepared, perhaps for the types of its parameters.
    mutating func didFail(_ key: Key) {
        guard let entry = entries[key], entry.prepared == nil else { return }
        entry.isChecked = !key.types.contains { TypeSearch.isFlexible($0) }
    }

    /// Notes that a prepared statement cannot be executed.
    ///
    /// - Parameter isOutdated: Whether the server has it and would make other columns of it than when it was prepared; otherwise it
    ///   has forgotten the statement.
    /// - Returns: Whether it was prepared, as far as was known.
    mutating func forget(_ key: Key, isOutdated: Bool) -> Bool {
        guard let name = entries[key]?.prepared?.name else { return false }
        release(name)
        if isOutdated { outdated.insert(name) }
        return true
    }

    /// Forgets all statements. The server has none of them.
    mutating func removeAll() {
        (latest, entries, names, outdated) = (nil, [:], [:], [])
        (preparedBytes, seenCount, seenBytes) = (0, 0, 0)
    }

    // MARK: Room

    /// As many texts that came once are remembered as there may be prepared ones.
    private mutating func remember(_ key: Key, byteCount: Int) -> Entry {
        while seenCount > 0, seenCount >= capacity || seenBytes + byteCount > byteCapacity { evictSeen() }
        let entry = Entry(key.withoutValues, byteCount: byteCount)
        entries[entry.key] = entry
        seenCount += 1
        seenBytes += byteCount
        return entry
    }

    private mutating func setPrepared(_ entry: Entry, _ prepared: Prepared) {
        if entry.prepared == nil {
            seenCount -= 1
            seenBytes -= entry.byteCount
        }
        entry.prepared = prepared
    }

    /// Makes entries that have come once of all that share a name.
    private mutating func release(_ name: String) {
        guard let prepared = names.removeValue(forKey: name) else { return }
        preparedBytes -= prepared.byteCount
        for entry in entries.values where entry.prepared?.name == name {
            entry.prepared = nil
            seenCount += 1
            seenBytes += entry.byteCount
        }
    }

    private func hasRoom(for entry: Entry) -> Bool {
        names.count < capacity && preparedBytes + entry.byteCount <= byteCapacity
    }

    private mutating func evictPrepared() -> Bool {
        let oldest = entries.values.lazy.filter { $0.prepared != nil }.min { $0.lastUse < $1.lastUse }
        guard let oldest, let name = oldest.prepared?.name else { return false }
        release(name)
        removeSeen(oldest)
        outdated.insert(name)
        return true
    }

    private mutating func evictSeen() {
        let oldest = entries.values.lazy.filter { $0.prepared == nil }.min { $0.lastUse < $1.lastUse }
        if let oldest { removeSeen(oldest) }
    }

    private mutating func removeSeen(_ entry: Entry) {
        if latest === entry { latest = nil }
        entries[entry.key] = nil
        seenCount -= 1
        seenBytes -= entry.byteCount
    }
}
