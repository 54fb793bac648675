// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Hummingbird
import Logging
import PostgresPooling
import SQLitePooling

/// The response to a failed request.
struct Failure: Equatable {
    let status: HTTPResponse.Status
    /// The message for the client. Details of the database are in the log only.
    let message: String
    /// The number of seconds after which the client should try again; `nil` if a retry is useless.
    var retryAfter: Int?

    static let overloaded = Failure(status: .serviceUnavailable, message: "too many requests wait", retryAfter: 1)
    static let unavailable = Failure(
        status: .serviceUnavailable,
        message: "the database is not available",
        retryAfter: 5
    )
    static let stopping = Failure(status: .serviceUnavailable, message: "the service shuts down")
    static let conflict = Failure(status: .conflict, message: "the code is taken")
    static let internalError = Failure(status: .internalServerError, message: "internal error")
}

extension Failure {
    /// The table of errors: the response to each error that a store throws. README.md shows it.
    init(_ error: any Error) {
        switch error {
        case let error as PoolError:
            switch error.code {
            case .timedOut, .tooManyWaiters: self = .overloaded
            case .connectFailed: self = .unavailable
            case .closed: self = .stopping
            default: self = .internalError
            }
        case let error as SQLiteError:
            switch error.code.primary {
            case .constraint: self = .conflict
            case .busy, .locked, .timedOut: self = .overloaded
            case .closed: self = .stopping
            default: self = .internalError
            }
        case let error as PostgresError:
            switch error.category {
            // Whether the change was committed is unknown. A retry could make it twice.
            case _ where error.code == .outcomeUnknown: self = .internalError
            case .unavailable: self = .unavailable
            case .busy: self = .overloaded
            case .conflict: self = error.isRetryable ? .overloaded : .conflict
            case .refused, nil: self = .internalError
            }
        case is CancellationError: self = .stopping
        default: self = .internalError
        }
    }
}

/// Answers failed requests by the table of errors, and logs internal errors.
///
/// Hummingbird answers HTTP errors, such as a path without a route.
struct ErrorTable<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as any HTTPResponseError {
            throw error
        } catch {
            let failure = Failure(error)
            if failure.status.kind == .serverError {
                context.logger.error(
                    "A request has failed.",
                    metadata: ["path": "\(request.uri.path)", "status": "\(failure.status.code)", "error": "\(error)"]
                )
            }
            var headers = HTTPFields()
            if let seconds = failure.retryAfter { headers[.retryAfter] = String(seconds) }
            throw HTTPError(failure.status, headers: headers, message: failure.message)
        }
    }
}
