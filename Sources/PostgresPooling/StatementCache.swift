// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The statements that a connection has prepared on the server, up to a bound.
///
/// A text that comes for the first time is not prepared: that would cost a round trip more, and most texts of that kind do not come
/// again. From its second time on it is. When there are more than the bound, the one that was not used for longest goes.
struct StatementCache {
    /// What is prepared: a text, in the pieces that it was put together from, and the types of its parameters.
    ///
    /// Made for each statement that is run, and so without an array of its own: it holds the statement's pieces. What is remembered
    /// has forgotten the parameters' values. The same text from other pieces is another statement, which is prepared for itself.
    struct Key: Hashable {
        private let pieces: [PostgresQuery.Piece]

        init(_ query: PostgresQuery) { self.init(pieces: query.pieces) }

        private init(pieces: [PostgresQuery.Piece]) { self.pieces = pieces }

        var types: [UInt32] { pieces.compactMap { $0.parameter?.type.oid } }

        var withoutValues: Key { Key(pieces: pieces.map(\.withoutValue)) }

        static func == (one: Key, other: Key) -> Bool {
            let count = one.pieces.count
            guard count == other.pieces.count else { return false }
            // By index, here and below: an iterator would count references to the array.
            for index in 0..<count where !one.pieces[index].isSame(as: other.pieces[index]) { return false }
            return true
        }

        func hash(into hasher: inout Hasher) { for index in pieces.indices { pieces[index].hash(into: &hasher) } }
    }

    /// A statement that the server has.
    struct Prepared: Equatable {
        let name: String
        let text: String
    }

    /// Under what name a statement is to be prepared, and the name of the one that is to be deallocated before that.
    struct Preparation {
        let name: String
        let text: String
        let evicting: String?
    }

    private final class Entry {
        let key: Key
        let text: String
        var name: String?
        var lastUse = 0

        init(_ key: Key, text: String) {
            self.key = key
            self.text = text
        }

        var prepared: Prepared? { name.map { Prepared(name: $0, text: text) } }
    }

    let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// The one of the last statement, which is often the next one's too: found without a hash.
    private var latest: Entry?
    private var uses = 0
    private var preparedCount = 0
    private var nextNumber = 1

    init(capacity: Int) { self.capacity = capacity }

    /// A statement that is used now, as the server has prepared it; `nil` if it has not, as far as is known. O(length of the statement).
    mutating func prepared(_ key: Key) -> Prepared? {
        guard let entry = entry(key), let prepared = entry.prepared else { return nil }
        use(entry)
        return prepared
    }

    private func entry(_ key: Key) -> Entry? { latest?.key == key ? latest : entries[key] }

    private mutating func use(_ entry: Entry) {
        uses += 1
        entry.lastUse = uses
        if latest !== entry { latest = entry }
    }

    /// Decides whether a statement that is not prepared is to be, now. Otherwise its text is sent as it is.
    ///
    /// - Parameters:
    ///   - key: The statement.
    ///   - text: Its text.
    ///   - mayEvict: Whether another may go to make room; if not, and there is none, it is not prepared.
    /// - Returns: How it is to be prepared; `nil` if it is not.
    /// - Complexity: O(length of the statement), and O(`capacity`) when another has to go.
    mutating func preparation(_ key: Key, text: String, mayEvict: Bool = true) -> Preparation? {
        guard capacity > 0 else { return nil }
        guard let entry = entry(key) else {
            // As many texts that came once are remembered as there may be prepared ones.
            if entries.count - preparedCount >= capacity { evictUnprepared() }
            use(remember(key, text: text))
            return nil
        }
        precondition(entry.name == nil, "A statement is prepared once.")
        use(entry)
        let isFull = preparedCount >= capacity
        if isFull, !mayEvict { return nil }
        let evicted = isFull ? evictPrepared() : nil
        defer { nextNumber += 1 }
        return Preparation(name: "lockpool_\(nextNumber)", text: text, evicting: evicted)
    }

    private mutating func remember(_ key: Key, text: String) -> Entry {
        let entry = Entry(key.withoutValues, text: text)
        entries[entry.key] = entry
        return entry
    }

    /// Whether the server has prepared a statement, as far as is known.
    func isPrepared(_ key: Key) -> Bool { entries[key]?.name != nil }

    /// Notes that the server has prepared a statement.
    mutating func didPrepare(_ key: Key, _ preparation: Preparation) {
        let entry = entries[key] ?? remember(key, text: preparation.text)
        if entry.name == nil { preparedCount += 1 }
        entry.name = preparation.name
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

extension PostgresQuery.Piece {
    fileprivate var withoutValue: PostgresQuery.Piece {
        switch self {
        case .literal, .text: self
        case .parameter(let parameter): .parameter(.null(parameter.type))
        case .numbered(let parameter): .numbered(.null(parameter.type))
        }
    }

    /// Whether it makes the same text, and the same types.
    fileprivate func isSame(as other: PostgresQuery.Piece) -> Bool {
        switch (self, other) {
        case (.literal(let one), .literal(let other)): one.isSame(as: other)
        case (.text(let one), .text(let other)): ExactText(one) == ExactText(other)
        case (.parameter(let one), .parameter(let other)), (.numbered(let one), .numbered(let other)):
            one.type == other.type
        default: false
        }
    }

    fileprivate func hash(into hasher: inout Hasher) {
        switch self {
        case .literal(let text): text.withUTF8Buffer { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        case .text(let text): hasher.combine(ExactText(text))
        case .parameter(let parameter), .numbered(let parameter): hasher.combine(parameter.type)
        }
    }
}

extension StaticString {
    /// Whether each byte is the same; known at once for the same literal.
    fileprivate func isSame(as other: StaticString) -> Bool {
        withUTF8Buffer { one in
            other.withUTF8Buffer { other in
                unsafe one.count == other.count && (one.baseAddress == other.baseAddress || one.elementsEqual(other))
            }
        }
    }
}
