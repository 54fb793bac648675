// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

/// A bug, as a change to the text of a source.
struct Mutation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: String
    let original: String
    let mutant: String
}
