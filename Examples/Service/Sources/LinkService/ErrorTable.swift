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
    static let refused = Failure(status: .forbidden, message: "the database does not permit the request")
    static let invalid = Failure(status: .unprocessableContent, message: "the database does not accept the data")
    static let taken = Failure(status: .conflict, message: "the code is taken")
    static let conflict = Failure(
        status: .conflict,
        message: "the request conflicts with another request",
        retryAfter: 1
    )
    static let internalError = Failure(status: .internalServerError, message: "internal error")
}

extension Failure {
    /// The table of errors: the response to each error that a store throws. README.md shows it.
    init(_ error: any Error) {
        switch error {
        case let error as PoolError: self.init(error.category)
        case let error as SQLiteError:
            self.init(error.category, violatesConstraint: error.code.primary == .constraint)
        // Whether the change was committed is unknown. A retry could make it twice.
        case let error as PostgresError where error.code == .outcomeUnknown: self = .internalError
        case let error as PostgresError:
            self.init(error.category, violatesConstraint: error.sqlState?.conditionClass == "23")
        case is CancellationError: self = .stopping
        default: self = .internalError
        }
    }

    /// The response to an error of a category.
    ///
    /// - Parameter violatesConstraint: Whether the data of the request violates a constraint, such
    ///   as a code that is taken.
    private init(_ category: PoolError.Category?, violatesConstraint: Bool = false) {
        switch category {
        case .unavailable: self = .unavailable
        case .busy: self = .overloaded
        case .refused: self = violatesConstraint ? .invalid : .refused
        case .conflict: self = violatesConstraint ? .taken : .conflict
        case nil: self = .internalError
        }
    }
}

/// Answers failed requests by the table of errors, and logs the errors that clients cannot
/// correct.
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
            if failure.status.kind == .serverError || failure == .refused {
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
