// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Adds entries to a statement cache, and evicts others for them.

extension StatementCache {
    /// Adds an entry for a statement that is not prepared. The cache keeps as many of these as
    /// prepared ones.
    mutating func remember(_ key: Key, byteCount: Int) -> Entry {
        while seenCount > 0, seenCount >= capacity || seenBytes + byteCount > byteCapacity { evictSeen() }
        let entry = Entry(key.withoutValues, byteCount: byteCount)
        entries[entry.key] = entry
        seenCount += 1
        seenBytes += byteCount
        return entry
    }

    mutating func setPrepared(_ entry: Entry, _ prepared: Prepared) {
        if entry.prepared == nil {
            seenCount -= 1
            seenBytes -= entry.byteCount
        }
        entry.prepared = prepared
    }

    /// Marks all entries that share a name as unprepared.
    mutating func release(_ name: String) {
        guard let prepared = names.removeValue(forKey: name) else { return }
        preparedBytes -= prepared.byteCount
        for entry in entries.values where entry.prepared?.name == name {
            entry.prepared = nil
            seenCount += 1
            seenBytes += entry.byteCount
        }
    }

    func hasRoom(for entry: Entry) -> Bool {
        names.count < capacity && preparedBytes + entry.byteCount <= byteCapacity
    }

    mutating func evictPrepared() -> Bool {
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
