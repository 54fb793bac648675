// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)

    import Foundation
    import TestSupport
    import Testing

    /// Pools on a machine whose clocks are adjusted, or stop during a suspension.
    @Suite(.timeLimit(.minutes(10))) struct ClockFaultTests {
        @Test(
            "A pool's time is that of CLOCK_MONOTONIC while that runs fast, stands still or is adjusted, and ends no process"
        )
        func faults() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-clock-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let (source, library) = (folder.appending(path: "clock.c"), folder.appending(path: "clock.so"))
            try ClockFaultTests.source.write(to: source, atomically: true, encoding: .utf8)
            let compiled = try await ChildProcess.run(
                "clang",
                ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library.path(), source.path()]
            )
            try #require(compiled.exitCode == 0, "\(compiled.errors)")
            let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            let child = try await ChildProcess.run(
                build.appending(path: "pool-clock-child").path(),
                [],
                environment: ["LD_PRELOAD": library.path(), "SWIFT_BACKTRACE": "enable=no"]
            )
            #expect(child.exitCode == 0, "\(child.output)\(child.errors)")
            #expect(child.output == "the pools' time has followed the clock\n")
        }

        /// Overrides `clock_gettime`.
        /// The monotonic clocks share one time, which runs at a rate that the process sets, since
        /// the last change of the rate. The real-time clock jumps two days back or forth with
        /// each reading.
        private static let source = """
            #define _GNU_SOURCE
            #include <pthread.h>
            #include <stdint.h>
            #include <sys/syscall.h>
            #include <time.h>
            #include <unistd.h>

            static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
            static int64_t parts_per_million, changed, shown, suspended;
            static int64_t jump = 86400;

            static int64_t read_system(clockid_t clock) {
              struct timespec time;
              syscall(SYS_clock_gettime, clock, &time);
              return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
            }

            static int64_t now(void) {
              int64_t system = read_system(CLOCK_MONOTONIC);
              if (changed == 0) {
                changed = shown = system;
                suspended = read_system(CLOCK_BOOTTIME) - system;
              }
              int64_t passed = system - changed;
              return shown + passed + passed / 1000 * parts_per_million / 1000 + passed % 1000 * parts_per_million / 1000000;
            }

            static void start_anew(int64_t step) {
              shown = now() + step;
              changed = read_system(CLOCK_MONOTONIC);
            }

            void clock_fault_rate(int64_t rate) {
              pthread_mutex_lock(&mutex);
              start_anew(0);
              parts_per_million = rate;
              pthread_mutex_unlock(&mutex);
            }

            void clock_fault_step(int64_t nanoseconds) {
              pthread_mutex_lock(&mutex);
              start_anew(nanoseconds);
              pthread_mutex_unlock(&mutex);
            }

            int clock_gettime(clockid_t clock, struct timespec *time) {
              if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) {
                int result = syscall(SYS_clock_gettime, clock, time);
                if (clock == CLOCK_REALTIME) time->tv_sec += jump = -jump;
                return result;
              }
              pthread_mutex_lock(&mutex);
              int64_t shown_now = now() + (clock == CLOCK_BOOTTIME ? suspended : 0);
              pthread_mutex_unlock(&mutex);
              time->tv_sec = shown_now / 1000000000;
              time->tv_nsec = shown_now % 1000000000;
              return 0;
            }
            """
    }

#endif
