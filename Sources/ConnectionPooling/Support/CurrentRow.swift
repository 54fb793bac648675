// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// The current row of a back end's decoder, for the containers that decode its values.
///
/// The standard library copies a container for each value that it decodes. A container therefore
/// holds a ``RowReference``, which has no reference count. A type may keep its decoder or a
/// container beyond the row, so the memory of a row is never freed: later queries reuse it, and
/// their numbers distinguish them.
@safe
@usableFromInline
package struct CurrentRow: ~Copyable {
    /// The number of the query whose row is current; 0 between two rows. Only the task of the
    /// query writes it. Any thread may read it, through a container that a type has kept.
    @usableFromInline let query = Atomic<UInt>(0)
    /// The number of queries that have used this memory.
    @usableFromInline var queries: UInt = 0
    /// The back end's decoder, which lives as long as the query.
    @usableFromInline package var decoder: UnsafeMutableRawPointer?
    /// The source of the values in the back end: the C library's object, the object that owns it,
    /// and the index of the row in it.
    @usableFromInline package var source: OpaquePointer?
    @usableFromInline package var owner: UnsafeMutableRawPointer?
    @usableFromInline package var index = 0
    /// The type of keys with a cached container, and the container.
    @usableFromInline var keys: ObjectIdentifier?
    @usableFromInline var container: Unmanaged<AnyObject>?
    /// The column for each key of that type, indexed by the key's byte: the index of the column,
    /// `unknown` or `missing`.
    @usableFromInline let columns = UnsafeMutablePointer<Int16>.allocate(capacity: Self.keyCount)
    private var next: Memory?

    /// The largest number of keys in a type whose keys are one byte, such as an enumeration.
    private static var keyCount: Int { 256 }

    private static let unused = Locked(Unused())

    private struct Unused {
        var first: Memory?
    }

    /// Unused memory. It belongs to the thread that has taken it out of `unused`.
    @safe
    private struct Memory: @unchecked Sendable {
        let row: UnsafeMutablePointer<CurrentRow>
    }

    /// Returns memory for the rows of a query. O(1).
    package static func acquire() -> UnsafeMutablePointer<CurrentRow> {
        let recycled = unused.withLock { unused in
            let memory = unused.first
            if let memory { unused.first = unsafe memory.row.pointee.next }
            return memory
        }
        let row = unsafe recycled?.row ?? .allocate(capacity: 1)
        if recycled == nil { unsafe row.initialize(to: CurrentRow()) }
        unsafe row.pointee.queries += 1
        return unsafe row
    }

    /// Releases the memory at the end of a query.
    package static func release(_ row: UnsafeMutablePointer<CurrentRow>) {
        unsafe row.pointee.container?.release()
        unsafe row.pointee.container = nil
        unsafe row.pointee.keys = nil
        let memory = unsafe Memory(row: row)
        unused.withLock { unused in
            unsafe memory.row.pointee.next = unused.first
            unused.first = memory
        }
    }

    fileprivate mutating func forgetColumns() {
        unsafe columns.update(repeating: RowReference.unknown, count: Self.keyCount)
    }
}

/// A reference of a decoder's containers to the current row of a query, valid until the next row.
@safe
@usableFromInline
package struct RowReference {
    /// Other members of the row may be accessed only while the row is current.
    @usableFromInline package let row: UnsafeMutablePointer<CurrentRow>
    @usableFromInline let query: UInt

    /// - Parameter row: The memory of the query that uses it now.
    package init(_ row: UnsafeMutablePointer<CurrentRow>) {
        unsafe self.row = row
        query = unsafe row.pointee.queries
    }

    @inlinable
    @inline(__always)
    package func begin() { unsafe row.pointee.query.store(query, ordering: .relaxed) }

    @inlinable
    @inline(__always)
    package func end() { unsafe row.pointee.query.store(0, ordering: .relaxed) }

    /// Whether the row is still current.
    @inlinable
    package var isCurrent: Bool {
        @inline(__always) get { unsafe row.pointee.query.load(ordering: .relaxed) == query }
    }
}

// MARK: Containers

extension RowReference {
    /// Returns the cached container for a type of keys. Only the first type of keys has one. The
    /// cache exists because making a container costs more than decoding a number.
    @inlinable
    @inline(__always)
    package func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key>? {
        guard isCurrent, unsafe row.pointee.keys == ObjectIdentifier(Key.self),
            let container = unsafe row.pointee.container
        else { return nil }
        return unsafe Unmanaged<Held<KeyedDecodingContainer<Key>>>.fromOpaque(container.toOpaque())
            ._withUnsafeGuaranteedRef { $0.copy() }
    }

    /// Makes a container, and caches it if it is the first.
    ///
    /// - Parameter make: Returns a container that refers to this row.
    package func newContainer<Container: KeyedDecodingContainerProtocol>(
        _ make: (RowReference) -> Container
    ) -> KeyedDecodingContainer<Container.Key> {
        guard isCurrent, unsafe row.pointee.keys == nil else { return KeyedDecodingContainer(make(self)) }
        unsafe row.pointee.keys = ObjectIdentifier(Container.Key.self)
        unsafe row.pointee.forgetColumns()
        let new = Held(KeyedDecodingContainer(make(self)))
        unsafe row.pointee.container = Unmanaged<AnyObject>.passRetained(new)
        return new.copy()
    }

    /// A value whose type is known where it is copied, and need not be looked up for each copy.
    @usableFromInline
    final class Held<Value> {
        private let value: Value

        init(_ value: Value) { self.value = value }

        /// Not inlined: inlined code would look up the type of the value, which costs more than
        /// decoding a text.
        @usableFromInline
        @inline(never)
        func copy() -> Value { value }
    }
}

// MARK: Columns of keys

extension RowReference {
    /// The key has not been used yet.
    @inlinable package static var unknown: Int16 { -1 }
    /// There is no column for this key.
    @inlinable package static var missing: Int16 { -2 }

    /// Returns the cached columns of a type's keys: for the first type of keys, if a key is one
    /// byte. The name of a key is thus not made and looked up in each row. Keys with the same
    /// byte have the same name.
    package func columns<Key: CodingKey>(_: Key.Type) -> UnsafeMutablePointer<Int16>? {
        guard MemoryLayout<Key>.size <= 1, isCurrent, unsafe row.pointee.keys == ObjectIdentifier(Key.self) else {
            return nil
        }
        return unsafe row.pointee.columns
    }

    /// Returns the column of a key: its index, `unknown` or `missing`.
    @inlinable
    @inline(__always)
    package func column(of key: some CodingKey, in columns: UnsafeMutablePointer<Int16>?) -> Int16 {
        // The columns belong to this query only while its row is current.
        guard let columns = unsafe columns, isCurrent else { return Self.unknown }
        return unsafe columns[byte(of: key)]
    }

    /// Stores the column of a key; `nil` if there is none.
    package func note(_ index: Int?, of key: some CodingKey, in columns: UnsafeMutablePointer<Int16>?) {
        guard let columns = unsafe columns, isCurrent else { return }
        unsafe columns[byte(of: key)] = index.map { Int16(truncatingIfNeeded: $0) } ?? Self.missing
    }

    /// Returns the byte of a key; 0 for the only key of its type.
    @inlinable
    @inline(__always)
    func byte<Key: CodingKey>(of key: Key) -> Int {
        MemoryLayout<Key>.size == 0 ? 0 : unsafe Int(unsafeBitCast(key, to: UInt8.self))
    }
}
