// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A function on one connection. SQLite owns it, and releases it with the connection.
@safe
private final class RegisteredFunction {
    let function: SQLiteFunction
    let arguments: FunctionCellSource
    // SQLite calls a function only within calls on the session's connection.
    unowned let session: Session

    init(_ function: SQLiteFunction, on session: Session) {
        self.function = function
        self.session = session
        arguments = FunctionCellSource(name: function.name, session.strategies)
    }

    /// Returns the function that SQLite calls.
    static func of(_ context: OpaquePointer?) -> RegisteredFunction {
        unsafe Unmanaged<RegisteredFunction>.fromOpaque(sqlite3_user_data(context)).takeUnretainedValue()
    }

    /// Sets the result of a call, or the error with which the statement fails. No error crosses
    /// SQLite.
    func setResult(of context: OpaquePointer?, _ result: () throws -> SQLiteParameter) {
        unsafe fail(context) {
            let parameter = try result()
            let stored: SQLiteParameter.Stored
            do throws(SQLiteParameter.NotStorable) {
                stored = try parameter.stored(session.strategies)
            } catch {
                throw SQLiteError(.encoding, "the result of \(function.name)() \(error.reason)")
            }
            unsafe stored.setResult(of: context)
        }
    }

    /// Runs a part of a call, whose error makes the statement fail.
    ///
    /// - Returns: Whether it has thrown no error.
    @discardableResult
    func fail(_ context: OpaquePointer?, ifThrows body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch {
            let error =
                error as? SQLiteError
                ?? SQLiteError(.functionFailed, "the function \(function.name)() threw an error: \(error)")
            unsafe sqlite3_result_error(context, session.functionFailures.insert(error), -1)
            return false
        }
    }

    // MARK: Aggregates

    /// The state of the group or window that SQLite computes; `nil` before its first row.
    private func accumulation(_ context: OpaquePointer?) -> UnsafeMutablePointer<Unmanaged<Accumulation>?>? {
        // SQLite allocates the memory at the first row, zeroed, and keeps it up to the final call.
        unsafe sqlite3_aggregate_context(context, Int32(MemoryLayout<Unmanaged<Accumulation>?>.size))?
            .assumingMemoryBound(to: Unmanaged<Accumulation>?.self)
    }

    /// Adds a row to the state, or removes one.
    func accumulate(
        _ context: OpaquePointer?,
        _ values: UnsafeBufferPointer<OpaquePointer?>,
        _ body: (Accumulation, inout FunctionArguments) throws -> Void
    ) {
        guard case .aggregate(_, let makeState) = function.kind else { return }
        guard let slot = unsafe accumulation(context) else { return unsafe sqlite3_result_error_nomem(context) }
        if unsafe slot.pointee == nil { unsafe slot.pointee = .passRetained(makeState()) }
        let state = unsafe slot.pointee!.takeUnretainedValue()
        let succeeded = unsafe fail(context) {
            var arguments = unsafe FunctionArguments(values, of: self.arguments)
            try body(state, &arguments)
        }
        if !succeeded { state.hasFailed = true }
    }

    /// Sets the result of a group or window.
    ///
    /// - Parameter isFinal: Whether the state ends. SQLite makes this call for each state, also if
    ///   the statement fails or ends early.
    func conclude(_ context: OpaquePointer?, isFinal: Bool) {
        guard case .aggregate(_, let makeState) = function.kind else { return }
        let slot = unsafe sqlite3_aggregate_context(context, 0)?
            .assumingMemoryBound(to: Unmanaged<Accumulation>?.self)
        let state = unsafe slot?.pointee?.takeUnretainedValue() ?? makeState()
        if isFinal, let slot = unsafe slot {
            unsafe slot.pointee?.release()
            unsafe slot.pointee = nil
        }
        if !state.hasFailed { unsafe setResult(of: context) { try state.result() } }
    }
}

// MARK: - Errors

/// The errors of functions, by the texts that SQLite keeps in their place.
struct FunctionFailures {
    // A statement can cause several: when it fails, SQLite still asks for the results of its
    // aggregates. Few, because a statement that ends early drops them.
    private var last: [(text: String, error: SQLiteError)] = []
    private var count = 0

    /// Adds an error.
    ///
    /// - Returns: Its text for SQLite.
    mutating func insert(_ error: SQLiteError) -> String {
        count += 1
        let text = "a function failed (\(count))"
        if last.count == 8 { last.removeFirst() }
        last.append((text, error))
        return text
    }

    /// Returns the error with which the last statement has failed; `nil` if no function caused it.
    ///
    /// - Parameter message: SQLite's message.
    mutating func take(_ message: @autoclosure () -> String) -> SQLiteError? {
        guard !last.isEmpty else { return nil }
        let message = message()
        defer { last = [] }
        return last.first { $0.text == message }?.error
    }
}

// MARK: - Registration

extension Session {
    /// Adds the configuration's functions and collations to the connection.
    func register(_ functions: [SQLiteFunction], _ collations: [SQLiteCollation]) throws(SQLiteError) {
        for function in functions { try register(function) }
        for collation in collations { try register(collation) }
    }

    private func register(_ function: SQLiteFunction) throws(SQLiteError) {
        var flags = SQLITE_UTF8
        if function.isDeterministic { flags |= SQLITE_DETERMINISTIC }
        switch function.schemaUse {
        case .never: flags |= SQLITE_DIRECTONLY
        case .ifTrusted: break
        case .always: flags |= SQLITE_INNOCUOUS
        }
        let count = function.argumentCount.map { Int32(clamping: $0) } ?? -1
        // SQLite releases the function in every case, also if this fails.
        let owned = unsafe Unmanaged.passRetained(RegisteredFunction(function, on: self)).toOpaque()
        let code: Int32
        switch function.kind {
        case .scalar:
            unsafe code = sqlite3_create_function_v2(
                handle,
                function.name,
                count,
                flags,
                owned,
                callScalar,
                nil,
                nil,
                releaseFunction
            )
        case .aggregate(isWindow: false, _):
            unsafe code = sqlite3_create_function_v2(
                handle,
                function.name,
                count,
                flags,
                owned,
                nil,
                callStep,
                callFinal,
                releaseFunction
            )
        case .aggregate(isWindow: true, _):
            unsafe code = sqlite3_create_window_function(
                handle,
                function.name,
                count,
                flags,
                owned,
                callStep,
                callFinal,
                callValue,
                callInverse,
                releaseFunction
            )
        }
        guard code != SQLITE_OK else { return }
        throw SQLiteError(
            .invalidConfiguration,
            "functions: SQLite refuses \(function.name)(): \(failure(code, sql: nil).message)"
        )
    }
}

// MARK: - SQLite's callbacks

private func callScalar(_ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?) {
    let registered = unsafe RegisteredFunction.of(context)
    guard case .scalar(let body) = registered.function.kind else { return }
    unsafe registered.setResult(of: context) {
        var arguments = unsafe FunctionArguments(.init(start: values, count: Int(count)), of: registered.arguments)
        return try body(&arguments)
    }
}

private func callStep(_ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?) {
    unsafe RegisteredFunction.of(context).accumulate(context, .init(start: values, count: Int(count))) {
        try $0.step(&$1)
    }
}

private func callInverse(_ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?) {
    unsafe RegisteredFunction.of(context).accumulate(context, .init(start: values, count: Int(count))) {
        try $0.inverse(&$1)
    }
}

private func callValue(_ context: OpaquePointer?) {
    unsafe RegisteredFunction.of(context).conclude(context, isFinal: false)
}

private func callFinal(_ context: OpaquePointer?) {
    unsafe RegisteredFunction.of(context).conclude(context, isFinal: true)
}

private func releaseFunction(_ function: UnsafeMutableRawPointer?) {
    unsafe Unmanaged<RegisteredFunction>.fromOpaque(function!).release()
}
