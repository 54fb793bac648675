// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

// Before SQLite 3.46, `PRAGMA optimize` considers only tables for which the planner of the same
// connection has wanted statistics. Readers plan most queries and cannot write statistics; the
// writer can, and does not know of those queries. So each connection asks its own planner from
// time to time, and the writer analyses the tables that any of them wants. From 3.46 on, the
// writer's `PRAGMA optimize` considers all tables, and the pragma fails on a connection that
// cannot write.

/// The part of one connection in the refresh of the planner's statistics.
struct StatisticsMaintenance {
    let shared: PlannerStatistics
    let isWriter: Bool
    /// When the connection asks its planner again.
    private var nextQuestion: UInt64
    /// The tables of the present refresh that are not analysed yet. Empty for readers.
    private var remaining: [PlannerStatistics.Table] = []
    /// Whether the present refresh has analysed a table.
    private var hasAnalysed = false
    /// The refresh whose statistics the connection has loaded.
    private var loadedRefresh: Int

    init(_ shared: PlannerStatistics, isWriter: Bool) {
        self.shared = shared
        self.isWriter = isWriter
        loadedRefresh = shared.refreshes
        nextQuestion = shared.interval.map { shared.now + $0 } ?? .max
    }

    /// Whether the connection has something to do. O(1): a look at the clock, unless the interval
    /// is `nil`.
    var isDue: Bool {
        if isOutdated || !remaining.isEmpty { return true }
        guard shared.interval != nil else { return false }
        return shared.now >= nextQuestion || (isWriter && shared.isRefreshDue)
    }

    /// Whether the connection plans with statistics from before the last refresh.
    var isOutdated: Bool { loadedRefresh != shared.refreshes }

    /// Returns whether the connection has to ask its planner, and begins the next interval if it
    /// has.
    mutating func takeQuestion() -> Bool {
        guard let interval = shared.interval, case let now = shared.now, now >= nextQuestion else { return false }
        nextQuestion = now + interval
        return true
    }

    /// Returns whether the connection has to load statistics. They count as loaded afterwards.
    mutating func takeOutdated() -> Bool {
        defer { loadedRefresh = shared.refreshes }
        return isOutdated
    }

    /// Returns the next table to analyse, if the time for one has come.
    mutating func takeTable() -> PlannerStatistics.Table? {
        guard isWriter else { return nil }
        if remaining.isEmpty { remaining = shared.beginRefresh() }
        return remaining.popLast()
    }

    /// Notes that a table is done. Ends the refresh after its last table.
    mutating func noteTable(isAnalysed: Bool) {
        if isAnalysed { hasAnalysed = true }
        if remaining.isEmpty { endRefresh() }
    }

    /// Ends the refresh before `table`. The next one includes the tables that are left.
    mutating func giveUp(before table: PlannerStatistics.Table) {
        remaining.append(table)
        giveUp()
    }

    /// Ends an unfinished refresh. The next one includes the tables that are left.
    mutating func giveUp() {
        shared.want(remaining)
        remaining = []
        endRefresh()
    }

    private mutating func endRefresh() {
        guard hasAnalysed else { return }
        hasAnalysed = false
        shared.noteRefresh()
        // The connection that analyses a table also loads its statistics.
        loadedRefresh += 1
    }
}

extension Session {
    /// Whether the connection has to refresh statistics, or its part in that.
    var isStatisticsMaintenanceDue: Bool { statistics?.isDue == true && !isSpent }

    /// Does what is due for the planner's statistics: asks this connection's planner, loads
    /// statistics, and on the writer analyses at most one table. Outside of transactions.
    func keepStatistics() {
        guard statistics != nil, !isSpent, isAutocommitting else { return }
        withoutWaiting {
            if statistics?.takeQuestion() == true { askPlanner() }
            if statistics?.takeOutdated() == true { loadStatistics() }
            // Tables that need no analysis take no time.
            while let table = statistics?.takeTable(), !refresh(table) {}
        }
    }

    /// Analyses a table of the present refresh, or gives the refresh up.
    ///
    /// - Returns: Whether it has taken time: `false` if there is nothing to analyse.
    private func refresh(_ table: PlannerStatistics.Table) -> Bool {
        do throws(SQLiteError) {
            let isAnalysed = try analyse(table)
            statistics?.noteTable(isAnalysed: isAnalysed)
            return isAnalysed
        } catch {
            switch error.code.primary {
            case .busy, .locked, .full: statistics?.giveUp(before: table)
            default: statistics?.noteTable(isAnalysed: false)
            }
            return true
        }
    }

    /// Hands over what the planner of this connection wants, and on a writer that is in order
    /// analyses all that is wanted, if `optimizesOnClose`.
    func endStatistics() {
        guard var maintenance = statistics.take(), isAutocommitting else { return }
        let shared = maintenance.shared
        maintenance.giveUp()
        withoutWaiting {
            askPlanner(for: maintenance)
            guard maintenance.isWriter, !isSpent, file?.configuration.optimizesOnClose == true else { return }
            for table in shared.takeWanted() {
                do throws(SQLiteError) {
                    if try analyse(table) { maintenance.noteTable(isAnalysed: true) }
                } catch {
                    // Another process writes, and would have to wait; or the connection has
                    // failed.
                    if error.code.primary == .busy || isSpent { return }
                }
            }
        }
    }

    /// Calls `body` while no statement waits for another process's lock.
    private func withoutWaiting(_ body: () -> Void) {
        let timeout = busyTimeout
        busyTimeout = .zero
        body()
        busyTimeout = timeout
    }

    // MARK: Asking

    private func askPlanner() {
        if let statistics { askPlanner(for: statistics) }
    }

    private func askPlanner(for maintenance: StatisticsMaintenance) {
        guard maintenance.isWriter || !Self.considersAllTables else { return }
        budget.begin()
        // 1: return the statements and do not run them; 2: analyse; 0x10000: consider all tables,
        // which is unknown before SQLite 3.46.
        let mask = maintenance.isWriter ? "0x10003" : "0x00003"
        guard let statements = try? column("PRAGMA optimize(\(mask))") else { return }
        maintenance.shared.want(
            statements.compactMap { text in
                guard let (database, name) = Self.tableAnalysed(by: text) else { return nil }
                // A temporary database and one in memory have no path, and belong to this
                // connection alone.
                let path = path(of: database)
                return path.isEmpty ? nil : PlannerStatistics.Table(path: path, name: name)
            }
        )
    }

    /// Whether `PRAGMA optimize` considers tables that the planner of the same connection has not
    /// used.
    private static var considersAllTables: Bool { sqlite3_libversion_number() >= 3_046_000 }

    /// Returns the names in `ANALYZE "database"."table"`; `nil` for any other text.
    static func tableAnalysed(by text: String) -> (database: String, name: String)? {
        var rest = Substring(text)
        guard takePrefix("ANALYZE ", from: &rest), let database = takeQuoted(from: &rest), takePrefix(".", from: &rest),
            let name = takeQuoted(from: &rest), rest.isEmpty
        else { return nil }
        return (database, name)
    }

    private static func takePrefix(_ prefix: String, from text: inout Substring) -> Bool {
        guard text.utf8.starts(with: prefix.utf8) else { return false }
        text = Substring(text.utf8.dropFirst(prefix.utf8.count))
        return true
    }

    /// Takes a name in double quotes, in which `""` stands for a quote.
    private static func takeQuoted(from text: inout Substring) -> String? {
        guard takePrefix("\"", from: &text) else { return nil }
        var name = ""
        while let end = text.utf8.firstIndex(of: UInt8(ascii: "\"")) {
            name += text[..<end]
            text = text[text.utf8.index(after: end)...]
            guard takePrefix("\"", from: &text) else { return name }
            name += "\""
        }
        return nil
    }

    // MARK: Refreshing

    /// Has this connection read the statistics of its databases again. SQLite reads them together
    /// with the schema, and a change of them alone is no change of the schema.
    private func loadStatistics() {
        _ = try? pragma("writable_schema = RESET")
    }

    /// Analyses one table, with a bound on the rows that are read of each index.
    ///
    /// - Returns: Whether there is such a table, and it has an index over all its rows. Without one
    ///   SQLite would count the rows of the whole table, and the planner would gain little.
    private func analyse(_ table: PlannerStatistics.Table) throws(SQLiteError) -> Bool {
        guard let database = try databaseToAnalyse(table.path), try hasFullIndex(table.name, in: database) else {
            return false
        }
        budget.begin()
        let limit = try pragma("analysis_limit") ?? "0"
        if limit == "0" { try pragma("analysis_limit = \(Self.analysisLimit)") }
        defer { if limit == "0" { _ = try? pragma("analysis_limit = 0") } }
        let statement = try prepareOne("ANALYZE \(SQL.quoted(database)).\(SQL.quoted(table.name))")
        defer { end(statement) }
        while try step(statement) {}
        return true
    }

    /// The number of rows of each index that an analysis reads, about, where the configuration has
    /// set no `analysis_limit`.
    private static let analysisLimit = 400

    /// Returns the name under which this connection has a database file, if it may write it.
    private func databaseToAnalyse(_ path: String) throws(SQLiteError) -> String? {
        try databasesWithFiles().first {
            unsafe self.path(of: $0) == path && sqlite3_db_readonly(handle, $0) == 0
        }
    }

    private func hasFullIndex(_ table: String, in database: String) throws(SQLiteError) -> Bool {
        let statement = try prepareOne("SELECT 1 FROM pragma_index_list(?, ?) WHERE NOT partial LIMIT 1")
        defer { end(statement) }
        _ = try statement.bind([.text(table), .text(database)])
        return try step(statement)
    }
}
