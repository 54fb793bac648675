// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(Darwin)
    internal import Darwin
#endif

/// File systems that several hosts share, where the index of a write-ahead log cannot be in shared
/// memory.
enum NetworkFileSystem {
    /// Throws if a file is on a network file system.
    ///
    /// FUSE and 9P are accepted, because they are often local, or the root of a container.
    ///
    /// - Parameters:
    ///   - path: The path of the file, which may be missing.
    ///   - name: Returns the name of the network file system that a path is on; `nil` for a local
    ///     one.
    /// - Throws: `SQLiteError` with the code `writeAheadLogUnavailable`.
    static func check(_ path: String, name: (String) -> String? = systemName) throws(SQLiteError) {
        guard let name = name(path) else { return }
        throw SQLiteError(
            .writeAheadLogUnavailable,
            """
            the database \(path) is on a network file system, \(name), where a write-ahead log loses data: put it on a local \
            disk, or set allowsNetworkFileSystems if only this host uses it
            """
        )
    }

    /// Returns the name of the network file system that a file is on, or would be created on;
    /// `nil` for a local one.
    private static func systemName(_ path: String) -> String? {
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
        #if canImport(Darwin)
            var status = statfs()
            guard unsafe statfs(path, &status) == 0 || statfs(folder, &status) == 0 else { return nil }
            guard status.f_flags & UInt32(MNT_LOCAL) == 0 else { return nil }
            return unsafe withUnsafePointer(to: &status.f_fstypename) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: Int(MFSTYPENAMELEN)) {
                    unsafe String(cString: $0)
                }
            }
        #else
            let type = unsafe clockpool_sqlite_file_system_type(path)
            return unsafe name(ofType: type != 0 ? type : clockpool_sqlite_file_system_type(folder))
        #endif
    }

    /// Returns the name of a network file system with Linux's type number; `nil` for other types.
    static func name(ofType type: UInt32) -> String? {
        switch type {
        case 0x6969: "NFS"
        case 0x517b: "SMB"
        case 0xff53_4d42: "CIFS"
        case 0xfe53_4d42: "SMB2"
        case 0x5346_414f, 0x6b41_4653: "AFS"
        case 0x7375_7245: "Coda"
        case 0x564c: "NCP"
        case 0x00c3_6400: "Ceph"
        case 0x0bd0_0bd0: "Lustre"
        default: nil
        }
    }
}
