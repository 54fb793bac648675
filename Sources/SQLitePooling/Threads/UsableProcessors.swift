// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The number of processors that the process may use at a time: the number that its affinity
/// allows, or the quota of its control group, whichever is less.
struct UsableProcessors {
    /// The number for this process, determined at the first use.
    static let ofThisProcess = UsableProcessors(
        allowed: Int(lockpool_allowed_processors()),
        readFile: { contents(of: $0) }
    ).count

    /// The number of processors, which may be fractional.
    let count: Double

    /// - Parameters:
    ///   - allowed: The number of processors that the process's affinity allows.
    ///   - readFile: Returns the text of a file; `nil` if it does not exist.
    init(allowed: Int, readFile: (String) -> String?) {
        var count = Double(allowed)
        for line in (readFile("/proc/self/cgroup") ?? "").split(separator: "\n") {
            // Fields: the number of the hierarchy, its controllers, and the path of the group.
            // Version 2 names no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            if !controllers.isEmpty, !controllers.contains("cpu") { continue }
            for folder in Self.folders(upFrom: fields[2]) {
                let quota =
                    controllers.isEmpty
                    ? Self.quota(version2: readFile("/sys/fs/cgroup\(folder)/cpu.max"))
                    : Self.quota(
                        version1: readFile("/sys/fs/cgroup/cpu\(folder)/cpu.cfs_quota_us"),
                        readFile("/sys/fs/cgroup/cpu\(folder)/cpu.cfs_period_us")
                    )
                if let quota { count = min(count, quota) }
            }
        }
        self.count = count
    }

    /// Returns a group's folder and its ancestors, each of which may have a quota. A container may
    /// see its own folder as the root.
    private static func folders(upFrom path: String) -> [String] {
        var folders = [""]
        for name in path.split(separator: "/") { folders.append("\(folders[folders.count - 1])/\(name)") }
        return folders
    }

    /// Parses a quota and its period, in microseconds; `max` means no quota.
    private static func quota(version2 text: String?) -> Double? {
        let fields = (text ?? "").split { $0 == " " || $0 == "\n" }
        guard fields.count == 2 else { return nil }
        return quota(fields[0], of: fields[1])
    }

    /// Parses a quota and its period from two files; -1 means no quota.
    private static func quota(version1 quota: String?, _ period: String?) -> Double? {
        guard let quota = quota?.split(separator: "\n").first, let period = period?.split(separator: "\n").first else {
            return nil
        }
        return Self.quota(quota, of: period)
    }

    private static func quota(_ quota: Substring, of period: Substring) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }

    /// Returns the first bytes of a small file.
    private static func contents(of path: String) -> String? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
