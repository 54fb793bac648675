// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

// Before SQLite 3.46, `PRAGMA optimize` considers only tables for which the planner of the same
// connection has wanted statistics. Readers plan most queries but cannot write statistics; the
// writer can, but does not know those queries. So each connection asks its own planner
// periodically, and the writer analyses the tables that any connection wants. From 3.46 on, the
// writer's `PRAGMA optimize` considers all tables, and the pragma fails on a connection that
// cannot write.

/// One connection's part in the refresh of the planner's statistics.
struct StatisticsMaintenance {
    let shared: PlannerStatistics
    let isWriter: Bool
    /// When the connection asks its planner next.
    private var nextQuestion: UInt64
    /// The tables of the current refresh that are not analysed yet. Empty for readers.
    private var remaining: [PlannerStatistics.Table] = []
    /// Whether the current refresh has analysed a table.
    private var hasAnalysed = false
    /// The refresh whose statistics the connection has loaded.
    private var loadedRefresh: Int

    init(_ shared: PlannerStatistics, isWriter: Bool) {
        self.shared = shared
        self.isWriter = isWriter
        loadedRefresh = shared.refreshes
        nextQuestion = shared.interval.map { shared.now + $0 } ?? .max
    }

    /// Whether the connection has work to do. O(1); reads the clock, unless the interval is `nil`.
    var isDue: Bool {
        if isOutdated || !remaining.isEmpty { return true }
        guard shared.interval != nil else { return false }
        return shared.now >= nextQuestion || (isWriter && shared.isRefreshDue)
    }

    /// Whether the connection plans with statistics from before the last refresh.
    var isOutdated: Bool { loadedRefresh != shared.refreshes }

    /// Returns whether the connection must ask its planner. If so, begins the next interval.
    mutating func takeQuestion() -> Bool {
        guard let interval = shared.interval, case let now = shared.now, now >= nextQuestion else { return false }
        nextQuestion = now + interval
        return true
    }

    /// Returns whether the connection must load statistics. They count as loaded afterwards.
    mutating func takeOutdated() -> Bool {
        defer { loadedRefresh = shared.refreshes }
        return isOutdated
    }

    /// Returns the next table to analyse, if the refresh is due.
    mutating func takeTable() -> PlannerStatistics.Table? {
        guard isWriter else { return nil }
        if remaining.isEmpty { remaining = shared.beginRefresh() }
        return remaining.popLast()
    }

    /// Notes the end of a table's analysis. Ends the refresh after its last table.
    mutating func noteTable(isAnalysed: Bool) {
        if isAnalysed { hasAnalysed = true }
        if remaining.isEmpty { endRefresh() }
    }

    /// Ends the refresh before `table`. The next refresh includes the remaining tables.
    mutating func abandonRefresh(before table: PlannerStatistics.Table) {
        remaining.append(table)
        abandonRefresh()
    }

    /// Ends an unfinished refresh. The next refresh includes the remaining tables.
    mutating func abandonRefresh() {
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
    /// Whether the connection has work to do for the planner's statistics.
    var isStatisticsMaintenanceDue: Bool { statistics?.isDue == true && !mustBeReplaced }

    /// Does the work that is due for the planner's statistics. Called outside of transactions.
    ///
    /// Asks this connection's planner and loads new statistics. The writer also analyses at most
    /// one table.
    func maintainStatistics() {
        guard statistics != nil, !mustBeReplaced, isAutocommitting else { return }
        withoutWaiting {
            if statistics?.takeQuestion() == true { askPlanner() }
            if statistics?.takeOutdated() == true { loadStatistics() }
            // A table that needs no analysis takes no time.
            while let table = statistics?.takeTable(), !refresh(table) {}
        }
    }

    /// Analyses a table of the current refresh, or abandons the refresh.
    ///
    /// - Returns: Whether it has taken time; `false` if there was nothing to analyse.
    private func refresh(_ table: PlannerStatistics.Table) -> Bool {
        do throws(SQLiteError) {
            let isAnalysed = try analyse(table)
            statistics?.noteTable(isAnalysed: isAnalysed)
            return isAnalysed
        } catch {
            switch error.code.primary {
            case .busy, .locked, .full: statistics?.abandonRefresh(before: table)
            default: statistics?.noteTable(isAnalysed: false)
            }
            return true
        }
    }

    /// Passes on the tables that this connection's planner wants. A usable writer then analyses
    /// all wanted tables, if `optimizesOnClose` is set.
    func endStatistics() {
        guard var maintenance = statistics.take(), isAutocommitting else { return }
        let shared = maintenance.shared
        maintenance.abandonRefresh()
        withoutWaiting {
            askPlanner(for: maintenance)
            guard maintenance.isWriter, !mustBeReplaced, file?.configuration.optimizesOnClose == true else { return }
            for table in shared.takeWanted() {
                do throws(SQLiteError) {
                    if try analyse(table) { maintenance.noteTable(isAnalysed: true) }
                } catch {
                    // Another process is writing and would have to wait, or the connection has
                    // failed.
                    if error.code.primary == .busy || mustBeReplaced { return }
                }
            }
        }
    }

    /// Calls `body`. During that time no statement waits for a lock of another process.
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
        // which SQLite before 3.46 does not know.
        let mask = maintenance.isWriter ? "0x10003" : "0x00003"
        guard let statements = try? column("PRAGMA optimize(\(mask))") else { return }
        maintenance.shared.want(
            statements.compactMap { text in
                guard let (database, name) = Self.tableAnalysed(by: text) else { return nil }
                // A temporary or in-memory database has no path, and belongs to this connection
                // alone.
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

    /// Reads the statistics of this connection's databases again. SQLite reads them together with
    /// the schema, and a change of the statistics alone does not change the schema version.
    private func loadStatistics() {
        _ = try? pragma("writable_schema = RESET")
    }

    /// Analyses one table, with a limit on the rows that are read of each index.
    ///
    /// - Returns: Whether the table exists and has an index over all its rows. Without one, SQLite
    ///   would count the rows of the whole table, and the planner would gain little.
    private func analyse(_ table: PlannerStatistics.Table) throws(SQLiteError) -> Bool {
        guard let database = try databaseToAnalyse(table.path), try hasFullIndex(table.name, in: database) else {
            return false
        }
        budget.begin()
        let limit = try pragma("analysis_limit") ?? "0"
        if limit == "0" { try pragma("analysis_limit = \(Self.analysisLimit)") }
        defer { if limit == "0" { _ = try? pragma("analysis_limit = 0") } }
        let statement = try prepareOne("ANALYZE \(SQLiteQuery.quoted(database)).\(SQLiteQuery.quoted(table.name))")
        defer { end(statement) }
        while try step(statement) {}
        return true
    }

    /// The approximate number of rows that an analysis reads of each index, unless the
    /// configuration sets `analysis_limit`.
    private static let analysisLimit = 400

    /// Returns the name under which this connection has attached a database file, if it may write
    /// the file.
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
