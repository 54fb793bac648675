// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The statements that a connection has run or prepared, up to a number and a size.
///
/// A text is not prepared on its first use: preparing costs a further round trip, and most such
/// texts are not used again. It is prepared on its second use. If the cache is full, the least
/// recently used statement is evicted.
struct StatementCache {
    /// A statement that the server has prepared.
    final class Prepared: Sendable {
        let name: String
        let text: String
        /// The types that the parameters are sent with; `nil` for the types of the values.
        let types: [UInt32]?
        let byteCount: Int
        /// Whether a pipeline may have to refuse the statement.
        let isCritical: Bool

        /// Whether the statement may be sent among those of other calls, once that has been
        /// decided: 1 or 2.
        private let sharing = Atomic<UInt8>(0)

        init(name: String, text: String, types: [UInt32]?, byteCount: Int) {
            isCritical =
                TransactionScanner.isCopy(text) || TransactionScanner.controlsTransaction(text)
                || TransactionScanner.commitsAlone(text)
            self.name = name
            self.text = text
            self.types = types
            self.byteCount = byteCount
        }

        /// Whether the statement may be sent among those of other calls. The first call is
        /// O(length of the text).
        var canShareConnection: Bool {
            let known = sharing.load(ordering: .relaxed)
            if known != 0 { return known == 1 }
            let canShare = TransactionScanner.canShareConnection(text)
            sharing.store(canShare ? 1 : 2, ordering: .relaxed)
            return canShare
        }
    }

    /// How to run a statement that is not prepared.
    enum Plan {
        /// Send it unnamed, with these parameter types; `nil` for the types of the values.
        case send(types: [UInt32]?)
        /// Check the parameter types first: a failure would end the transaction.
        case check
        /// Execute it by a name that the server has prepared for the same text in other pieces.
        case execute(Prepared)
        /// Prepare it, and execute it by name.
        case prepare(Preparation)
    }

    /// A statement to prepare.
    struct Preparation {
        let statement: Prepared
        /// The names to deallocate first.
        let evicting: [String]
    }

    final class Entry {
        let key: Key
        let byteCount: Int
        var prepared: Prepared?
        /// The types that the parameters are sent with; `nil` for the types of the values.
        var types: [UInt32]?
        /// Whether the server has accepted these types, as far as is known.
        var isChecked = false
        var lastUse = 0

        init(_ key: Key, byteCount: Int) {
            self.key = key
            self.byteCount = byteCount
        }
    }

    let capacity: Int
    let byteCapacity: Int
    /// The parameter types that the connections of the pool have found.
    let resolved: ResolvedTypes
    /// Whether statements may be prepared by name. `false` behind a pooler that may run them in
    /// another session.
    var allowsNames = true

    var entries: [Key: Entry] = [:]
    /// The entry of the last statement, often also the next one. It is found without hashing.
    var latest: Entry?
    private var uses = 0
    /// The prepared statements that may be executed, by name. Keys of the same text share a
    /// statement.
    var names: [String: Prepared] = [:]
    var preparedBytes = 0
    /// The names that the server may still have, but that must not be executed.
    var outdated: Set<String> = []
    /// The pool's ``ResolvedTypes/schemaVersion`` when the statements were prepared.
    private var schemaVersion: Int
    /// The number of statements that have been prepared.
    private(set) var preparations = 0
    /// The number and size of the entries that are not prepared.
    var (seenCount, seenBytes) = (0, 0)

    init(capacity: Int, byteCapacity: Int = 1 << 20, resolved: ResolvedTypes = ResolvedTypes()) {
        self.capacity = capacity
        self.byteCapacity = byteCapacity
        self.resolved = resolved
        schemaVersion = resolved.schemaVersion
    }

    /// Returns a prepared statement and marks it as used; `nil` if the server has not prepared it,
    /// as far as is known.
    ///
    /// - Complexity: O(length of the statement).
    mutating func prepared(_ key: Key) -> Prepared? {
        if schemaVersion != resolved.schemaVersion { releaseZoneChecked() }
        guard let entry = entry(key), let prepared = entry.prepared else { return nil }
        use(entry)
        return prepared
    }

    /// Marks statements with instants or timestamps as unprepared, so that the time zones of their
    /// parameters are checked again.
    private mutating func releaseZoneChecked() {
        schemaVersion = resolved.schemaVersion
        let names = entries.values.filter { TimeZoneConversion.mayConvert($0.key) }.compactMap(\.prepared?.name)
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

    /// Decides how to run a statement that is not prepared.
    ///
    /// - Parameters:
    ///   - key: The statement.
    ///   - text: Its text.
    ///   - isNamed: Whether it may be prepared.
    ///   - mayEvict: Whether other statements may be evicted for it. If not, and the cache is
    ///     full, it is not prepared.
    ///   - mustCheck: Whether the server must not refuse the types of its parameters.
    ///   - isFirstNamed: Whether it is prepared on its first use.
    /// - Complexity: O(length of the statement), and O(`capacity`) for each evicted statement.
    mutating func plan(
        _ key: Key,
        text: String,
        isNamed: Bool = true,
        mayEvict: Bool = true,
        mustCheck: Bool = false,
        isFirstNamed: Bool = false
    ) -> Plan {
        guard let entry = entry(key) else {
            let plan = firstPlan(key, text: text, mustCheck: mustCheck)
            guard isFirstNamed, isNamed, allowsNames, case .send = plan, let entry = self.entry(key) else {
                return plan
            }
            return namedPlan(entry, text: text, mayEvict: mayEvict) ?? plan
        }
        use(entry)
        if mustCheck, !entry.isChecked { return .check }
        if isNamed, allowsNames, let plan = namedPlan(entry, text: text, mayEvict: mayEvict) { return plan }
        // If the server refuses it, `didFail` marks it as unchecked again.
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

    /// Returns whether a statement is too large for the cache.
    private func isLarge(_ byteCount: Int) -> Bool { byteCount > byteCapacity / 8 }

    private mutating func namedPlan(_ entry: Entry, text: String, mayEvict: Bool) -> Plan? {
        // Before the hash is computed, which would be wasted.
        if !mayEvict, !hasRoom(for: entry) { return nil }
        let name = StatementIdentity(text: text, types: entry.types ?? entry.key.types).name
        if let prepared = names[name] {
            // Statements with values of other types share the name, and each converts its values
            // in its own way.
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

    // MARK: Outcomes

    /// Returns whether the server has prepared a statement, as far as is known.
    func isPrepared(_ key: Key) -> Bool { preparedName(key) != nil }

    /// Returns whether the server has a prepared statement of this name, as far as is known.
    func isPrepared(name: String) -> Bool { names[name] != nil }

    /// Returns the name of the prepared statement, as far as is known.
    func preparedName(_ key: Key) -> String? { entries[key]?.prepared?.name }

    /// Records that the server has prepared a statement.
    mutating func didPrepare(_ key: Key, _ preparation: Preparation) {
        preparations += 1
        let statement = preparation.statement
        let entry = entries[key] ?? remember(key, byteCount: statement.byteCount)
        if names.updateValue(statement, forKey: statement.name) == nil { preparedBytes += statement.byteCount }
        entry.isChecked = true
        setPrepared(entry, statement)
        record(key, text: statement.text, types: statement.types)
    }

    /// Records that the server has no statement of this name.
    mutating func didDeallocate(_ name: String) { outdated.remove(name) }

    /// Records the types that the server accepts for the parameters of a statement.
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
        record(key, text: text, types: types)
    }

    /// Returns whether the parameters of a statement are sent with other types than those of the
    /// values.
    func hasOtherTypes(_ key: Key, text: String) -> Bool {
        if let entry = entries[key] { return entry.types != nil }
        let declared = key.types
        return (resolved.types(of: StatementIdentity(text: text, types: declared)) ?? declared) != declared
    }

    private func record(_ key: Key, text: String, types: [UInt32]?) {
        let declared = key.types
        guard !isLarge(key.byteCount(text: text)), declared.contains(where: { TypeSearch.isFlexible($0) }) else {
            return
        }
        resolved.record(types ?? declared, of: StatementIdentity(text: text, types: declared), areOthers: types != nil)
    }

    /// Records that a statement has failed before it was prepared, possibly because of its
    /// parameter types.
    mutating func didFail(_ key: Key) {
        guard let entry = entries[key], entry.prepared == nil else { return }
        entry.isChecked = !key.types.contains { TypeSearch.isFlexible($0) }
    }

    /// Records that a prepared statement cannot be executed.
    ///
    /// - Parameter isOutdated: Whether the server still has the statement, with outdated columns
    ///   or types. Otherwise the server has lost it.
    /// - Returns: Whether it was prepared, as far as was known.
    mutating func forget(_ key: Key, isOutdated: Bool) -> Bool {
        guard let name = entries[key]?.prepared?.name else { return false }
        release(name)
        if isOutdated { outdated.insert(name) }
        return true
    }

    /// Removes all statements. The server has none of them.
    mutating func removeAll() {
        (latest, entries, names, outdated) = (nil, [:], [:], [])
        (preparedBytes, seenCount, seenBytes) = (0, 0, 0)
    }
}
