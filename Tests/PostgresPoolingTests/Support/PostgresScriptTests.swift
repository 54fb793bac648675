// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ServerScriptTests {
    private func lines(_ text: String) -> [Substring] { text.split(separator: "\n") }

    @Test("Starting prints the URL of a server that accepts it, and starting again prints the same")
    func startAndStatus() async throws {
        try await withServer { server in
            let answer = try await ChildProcess.run("\(server.folder)/bin/psql", [server.url, "-Atc", "SELECT 41 + 1"])
            #expect(answer.output == "42\n", "\(answer.errors)")
            for command in ["start", "status"] {
                let outcome = try await ServerScript.postgres.run([command, "--folder", server.folder])
                #expect(outcome.exitCode == 0)
                #expect(outcome.output == server.url + "\n")
            }
        }
    }

    @Test("Only its user can read the password, and no login succeeds without it")
    func password() async throws {
        let server = try await TestServer.shared
        let attributes = try FileManager.default.attributesOfItem(atPath: server.folder + "/password")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        for host in [server.socketFolder, "127.0.0.1", "::1"] {
            try await server.psql("SELECT 1", connection: ["PGHOST": host])
            let failure = try await #require(throws: TestServer.Failed.self) {
                try await server.psql("SELECT 1", connection: ["PGHOST": host, "PGPASSWORD": "another"])
            }
            #expect(failure.description.contains("password authentication failed"))
        }
        #expect(
            try await server.psql(
                "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = '\(server.user)'"
            ) == "t"
        )
    }

    @Test("Stopping ends the server, even a frozen one, and removes its folder")
    func stop() async throws {
        let server = try await TestServer()
        try await server.signal(.stop)
        try await server.stop()
        #expect(!FileManager.default.fileExists(atPath: server.folder))
        let status = try await ServerScript.postgres.run(["status", "--folder", server.folder])
        #expect(status.exitCode == 1)
        #expect(status.output == "")
        #expect(status.errors == "not running\n")
        #expect(try await ServerScript.postgres.run(["stop", "--folder", server.folder]).exitCode == 0)
    }

    @Test("A server that was killed restarts on its port, with its data and its password")
    func killAndRestart() async throws {
        try await withServer { server in
            try await server.psql("CREATE TABLE kept AS SELECT 7 AS x")
            try await server.killHard()
            #expect(try await ServerScript.postgres.run(["status", "--folder", server.folder]).exitCode == 1)
            try await server.restart()
            #expect(try await server.psql("SELECT x FROM kept", connection: ["PGHOST": server.host]) == "7")
            try await server.killHard()
            #expect(
                try await ServerScript.postgres.run(["start", "--folder", server.folder]).output == server.url + "\n"
            )
        }
    }

    @Test("A server ends with the process that it watches")
    func watch() async throws {
        let watched = try ChildProcess(executable: "/bin/sleep", arguments: ["120"], environment: [])
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
            .path
        let start = ["start", "--folder", folder, "--watch", String(watched.identifier)]
        let url = try await ServerScript.postgres.run(start).output.trimmingCharacters(in: .newlines)
        try await whileInSession(url: url, folder: folder) { watched.send(SIGKILL) }
        _ = await watched.exitCode()
        #expect(try await ServerScript.postgres.run(["stop", "--folder", folder]).exitCode == 0)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("Settings and rules apply to the server")
    func settings() async throws {
        let rules = ["hostnossl all all all reject"]
        try await withServer(maxConnections: 9, settings: ["cluster_name": "it's"], rules: rules) { server in
            #expect(try await server.psql("SHOW max_connections") == "9")
            #expect(try await server.psql("SHOW fsync") == "off")
            #expect(try await server.psql("SHOW cluster_name") == "it's")
            let failure = try await #require(throws: TestServer.Failed.self) {
                try await server.psql("SELECT 1", connection: ["PGHOST": server.host, "PGSSLMODE": "disable"])
            }
            #expect(failure.description.contains("pg_hba.conf rejects"))
        }
    }

    @Test("The server presents the specified certificate")
    func certificates() async throws {
        try await withServer { server in
            let verifying = [
                "PGHOST": "localhost", "PGHOSTADDR": "127.0.0.1", "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": server.authority,
            ]
            let question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            #expect(try await server.psql(question, connection: verifying) == "t")
            let complaints: [(TestServer.Certificate, String)] = [
                (.expired, "certificate verify failed"), (.wrongname, "does not match host name"),
            ]
            for (certificate, complaint) in complaints {
                try await server.tls(certificate)
                let failure = try await #require(throws: TestServer.Failed.self) {
                    try await server.psql(question, connection: verifying)
                }
                #expect(failure.description.contains(complaint))
            }
            try await server.tls(.right)
            #expect(try await server.psql(question, connection: verifying) == "t")
            let stranger = verifying.merging(["PGSSLROOTCERT": server.strangerAuthority]) { _, new in new }
            let failure = try await #require(throws: TestServer.Failed.self) {
                try await server.psql(question, connection: stranger)
            }
            #expect(failure.description.contains("certificate verify failed"))
        }
    }

    @Test(
        "An invalid command line exits with 64, and reports the error",
        arguments: [
            [], ["begin"], ["start", "--port", "0"], ["start", "--port", "65536"], ["start", "--port"],
            ["start", "--max-connections", "many"], ["start", "--set", "fsync"], ["start", "--watch", "me"],
            ["start", "now"], ["status", "--port", "5432"], ["stop", "--all"], ["tls"], ["tls", "wrong"], ["signal"],
            ["signal", "NOTHING"], ["start", "--folder", ""],
        ]
    )
    func misuse(arguments: [String]) async throws {
        let outcome = try await ServerScript.postgres.run(arguments)
        #expect(outcome.exitCode == 64)
        #expect(outcome.output == "")
        #expect(lines(outcome.errors).count == 1)
    }

    @Test("A folder with other contents is neither used nor removed")
    func foreignFolder() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "precious")
        try Data("x".utf8).write(to: file)
        for command in ["start", "stop"] {
            let outcome = try await ServerScript.postgres.run([command, "--folder", folder.path])
            #expect(outcome.exitCode == 1)
            #expect(outcome.output == "")
            #expect(FileManager.default.fileExists(atPath: file.path))
        }
    }

    /// A temporary folder for a server, with a short path.
    private func place() -> String {
        FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))").path
    }

    /// Runs a script with `sh` as the user of root's servers, or as this user if it is not root.
    private func asServer(_ script: String, _ arguments: String...) async throws -> ChildProcess.Outcome {
        let shell = ["/bin/sh", "-c", script, "sh"] + arguments
        guard geteuid() == 0 else { return try await ChildProcess.run(shell[0], Array(shell.dropFirst())) }
        return try await ChildProcess.run(
            "setpriv",
            ["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"] + shell
        )
    }

    @Test("A folder that this script has not created is neither used nor removed, whatever its contents")
    func forgedFolder() async throws {
        let (folder, victim) = (place(), place())
        try Data("precious".utf8).write(to: URL(filePath: victim))
        unsafe chmod(victim, 0o600)
        defer { for path in [folder, victim] { try? FileManager.default.removeItem(atPath: path) } }
        let forge = """
            mkdir "$1" "$1/data" && cd "$1" && ls -di "$1" >.lockpool-postgres && echo 5432 >port && echo "$$" >data/postmaster.pid
            for name in log password watch server.crt.new data/pg_hba.conf; do ln -s "$2" "$name"; done
            """
        #expect(try await asServer(forge, folder, victim).exitCode == 0)
        // Without root, this user owns the folder. It then must contain the proof of another
        // folder.
        if geteuid() != 0 { try Data("1 /elsewhere".utf8).write(to: URL(filePath: folder + "/.lockpool-postgres")) }
        for command in [["start"], ["status"], ["restart"], ["tls", "expired"], ["signal", "HUP"], ["stop"]] {
            let outcome = try await ServerScript.postgres.run(command + ["--folder", folder])
            #expect(outcome.exitCode == 1 && outcome.output == "", "\(command): \(outcome.output)\(outcome.errors)")
            #expect(try Data(contentsOf: URL(filePath: victim)) == Data("precious".utf8))
            #expect(FileManager.default.fileExists(atPath: folder + "/port"))
        }
    }

    @Test("Links that the server's user puts into the folder do not make root write or end anything")
    func links() async throws {
        let victim = place()
        try Data("precious".utf8).write(to: URL(filePath: victim))
        unsafe chmod(victim, 0o600)
        defer { try? FileManager.default.removeItem(atPath: victim) }
        let segment =
            try await ChildProcess.run("ipcmk", ["-M", "4096"]).output
            .split(whereSeparator: { !$0.isNumber }).last.map(String.init) ?? ""
        let server = try await TestServer()
        let plant = """
            cd "$1" && for name in server.crt.new watch; do rm -f "$name"; ln -s "$2" "$name"; done
            """
        #expect(try await asServer(plant, server.folder, victim).exitCode == 0)
        // This user's own links lead to its own files.
        let isRoot = geteuid() == 0
        _ = try await ServerScript.postgres.run(["tls", "expired", "--folder", server.folder])
        if isRoot { #expect(try Data(contentsOf: URL(filePath: victim)) == Data("precious".utf8)) }
        try await server.killHard()
        let forge = """
            cd "$1" && { echo 999999999; for n in 2 3 4 5 6; do echo; done; echo "1 $3"; } >data/postmaster.pid
            rm -f log port data/pg_hba.conf && for name in log port data/pg_hba.conf; do ln -s "$2" "$name"; done
            """
        #expect(try await asServer(forge, server.folder, victim, segment).exitCode == 0)
        if isRoot {
            #expect(try await ServerScript.postgres.run(["restart", "--folder", server.folder]).exitCode != 0)
        }
        try await server.stop()
        #expect(!FileManager.default.fileExists(atPath: server.folder))
        if isRoot {
            #expect(try Data(contentsOf: URL(filePath: victim)) == Data("precious".utf8))
            #expect(try await ChildProcess.run("ipcrm", ["-m", segment]).exitCode == 0, "the segment is gone")
        }
    }

    @Test("Root creates no server where another user could replace it")
    func foreignParent() async throws {
        let parent = place()
        #expect(try await asServer("mkdir -p \"$1/open\" && chmod 777 \"$1\" \"$1/open\"", parent).exitCode == 0)
        defer { try? FileManager.default.removeItem(atPath: parent) }
        for folder in [parent + "/server", parent + "/open/server"] {
            let outcome = try await ServerScript.postgres.run(["start", "--folder", folder])
            if geteuid() == 0 {
                #expect(outcome.exitCode == 1 && outcome.errors.contains("which other users can change"))
                #expect(!FileManager.default.fileExists(atPath: folder))
            } else {
                #expect(try await ServerScript.postgres.run(["stop", "--folder", folder]).exitCode == 0)
            }
        }
    }

    @Test("A user without privileges starts and stops a server, which root's commands reject")
    func otherUser() async throws {
        let (folder, copy) = (place(), place())
        let scripts = URL(filePath: #filePath).appending(path: "../../../../Scripts").standardized
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try FileManager.default.copyItem(at: scripts, to: URL(filePath: copy + "/Scripts"))
        _ = try await ChildProcess.run("chmod", ["-R", "a+rX", copy])
        let start = try await asServer("exec \"$1/Scripts/postgres\" start --folder \"$2\"", copy, folder)
        #expect(start.exitCode == 0, "\(start.errors)")
        if geteuid() == 0 {
            for command in ["stop", "restart"] {
                #expect(try await ServerScript.postgres.run([command, "--folder", folder]).exitCode == 1)
            }
        }
        let status = try await asServer("exec \"$1/Scripts/postgres\" status --folder \"$2\"", copy, folder)
        #expect(status.output == start.output)
        #expect(try await asServer("exec \"$1/Scripts/postgres\" stop --folder \"$2\"", copy, folder).exitCode == 0)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("Sessions are counted by user and by application")
    func sessions() async throws {
        let server = try await TestServer.shared
        let name = "it's \(UUID().uuidString)"
        try await whileInSession(url: server.url, folder: server.folder, applicationName: name) {
            #expect(try await server.backendCount(applicationName: name) == 1)
            #expect(try await server.backendCount(user: "lockpool", applicationName: name) == 1)
            #expect(try await server.backendCount(user: "nobody", applicationName: name) == 0)
            let quoted = name.replacingOccurrences(of: "'", with: "''")
            try await server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(quoted)'"
            )
        }
    }

    /// Runs `body` once a session exists, and returns when the session has ended, which `body`
    /// must ensure.
    private func whileInSession(
        url: String,
        folder: String,
        applicationName: String = "sleeper",
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let session = try ChildProcess(
            executable: folder + "/bin/psql",
            arguments: [url, "-Atc", "SELECT 'here'", "-c", "SELECT pg_sleep(1000)"],
            environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" } + ["PGAPPNAME=\(applicationName)"]
        )
        let (beginning, continuation) = AsyncStream.makeStream(of: Void.self)
        async let output = session.output.text { text in
            guard text.contains("here") else { return false }
            continuation.finish()
            return true
        }
        async let errors = session.errors.text()
        for await _ in beginning {}
        do {
            try await body()
        } catch {
            session.send(SIGKILL)
            throw error
        }
        #expect(await output == "here\n")
        #expect(await errors.contains("terminating connection"))
        #expect(await session.exitCode() != 0)
    }
}
