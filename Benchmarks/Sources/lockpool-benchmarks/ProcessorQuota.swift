// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A limit of one processor for a process: a quota of a control group, as containers have it, or
/// one processor of the machine if no control group is writable.
struct ProcessorQuota {
    /// The mechanism of the limit, for the report.
    let description: String

    /// The beginning of a command that runs an executable under the limit.
    let command: [String]

    /// Creates a quota of one processor, or `nil` if the system has none.
    static func oneProcessor() -> ProcessorQuota? {
        #if os(Linux)
            let name = "lockpool-bench-\(ProcessInfo.processInfo.processIdentifier)"
            // Version 2 and version 1 of control groups.
            return group("/sys/fs/cgroup/\(name)", ["cpu.max": "100000 100000"])
                ?? group(
                    "/sys/fs/cgroup/cpu/\(name)",
                    ["cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"]
                )
                ?? ProcessorQuota(description: "taskset", command: ["/usr/bin/env", "taskset", "-c", "0"])
        #else
            return nil
        #endif
    }

    private static func group(_ folder: String, _ settings: KeyValuePairs<String, String>) -> ProcessorQuota? {
        guard mkdir(folder, 0o755) == 0 else { return nil }
        Children.atEnd { rmdir(folder) }
        for (file, value) in settings {
            // Creates no file: a folder without this file is not a control group, or has no quota.
            guard let handle = FileHandle(forWritingAtPath: "\(folder)/\(file)"),
                (try? handle.write(contentsOf: Data(value.utf8))) != nil
            else { return nil }
        }
        return ProcessorQuota(
            description: "control group",
            command: ["/bin/sh", "-c", "echo $$ >\(folder)/cgroup.procs && exec \"$0\" \"$@\""]
        )
    }
}
