// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct UsableProcessorsTests {
    private func count(_ allowed: Int, _ files: [String: String]) -> Double {
        UsableProcessors(allowed: allowed, readFile: { files[$0] }).count
    }

    @Test("Without control groups the affinity determines the number")
    func affinity() {
        #expect(count(8, [:]) == 8)
        #expect(UsableProcessors.ofThisProcess > 0)
    }

    @Test("Quotas of version 2 apply, of the group and of its ancestors")
    func version2() {
        let group = "0::/outer/inner\n"
        let folder = "/sys/fs/cgroup"
        func count(_ inner: String, _ outer: String) -> Double {
            self.count(
                8,
                [
                    "/proc/self/cgroup": group, "\(folder)/outer/inner/cpu.max": inner,
                    "\(folder)/outer/cpu.max": outer,
                ]
            )
        }
        #expect(count("max 100000\n", "max 100000\n") == 8)
        #expect(count("50000 100000\n", "max 100000\n") == 0.5)
        #expect(count("max 100000\n", "150000 100000\n") == 1.5)
        #expect(count("900000 100000\n", "max 100000\n") == 8)
        #expect(count("nonsense\n", "") == 8)
        let container = ["/proc/self/cgroup": "0::/\n", "\(folder)/cpu.max": "100000 100000\n"]
        #expect(self.count(4, container) == 1)
    }

    @Test("A quota of version 1 applies, and -1 means none")
    func version1() {
        func count(_ quota: String) -> Double {
            let folder = "/sys/fs/cgroup/cpu"
            return self.count(
                4,
                [
                    "/proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/s\n",
                    "\(folder)/cpu.cfs_quota_us": quota, "\(folder)/cpu.cfs_period_us": "100000\n",
                ]
            )
        }
        #expect(count("-1\n") == 4)
        #expect(count("50000\n") == 0.5)
    }
}
