// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A migration that is read from a file.
struct MigrationFile {
    let name: String
    let text: String
    let transaction: MigrationTransaction

    /// The number at the beginning of the name, without leading zeros.
    private let number: Substring

    /// Reads the migrations of a folder, in the order of their numbers.
    static func files(in folder: String) throws(MigrationError) -> [MigrationFile] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw MigrationError(.invalidFile, "cannot read the folder \(folder)", underlying: error)
        }
        var files: [MigrationFile] = []
        for name in names where name.hasSuffix(".sql") && !name.hasSuffix(".down.sql") {
            files.append(try MigrationFile(name, in: folder))
        }
        files.sort { $0.number.count == $1.number.count ? $0.number < $1.number : $0.number.count < $1.number.count }
        for (first, second) in zip(files, files.dropFirst()) where first.number == second.number {
            throw MigrationError(.duplicateName, "its number is that of \(first.name)", migration: second.name)
        }
        return files
    }

    private init(_ fileName: String, in folder: String) throws(MigrationError) {
        let stem = String(fileName.dropLast(".sql".count))
        name = stem.hasSuffix(".up") ? String(stem.dropLast(".up".count)) : stem
        let digits = name.prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty, name.dropFirst(digits.count).hasPrefix("_") else {
            throw MigrationError(
                .invalidFile,
                "its name does not begin with a number and “_”, as 001_create_book.sql does",
                migration: name
            )
        }
        number = digits.drop { $0 == "0" }
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: folder).appending(path: fileName))
        } catch {
            throw MigrationError(.invalidFile, "cannot read \(fileName)", migration: name, underlying: error)
        }
        guard var text = String(validating: data, as: UTF8.self) else {
            throw MigrationError(.invalidFile, "\(fileName) is not UTF-8", migration: name)
        }
        // A byte order mark, which databases do not read.
        if text.unicodeScalars.first == "\u{feff}" { text.unicodeScalars.removeFirst() }
        let line = text.prefix { !$0.isNewline }.filter { !$0.isWhitespace }
        transaction = line == "--no-transaction" ? .none : .own
        self.text = text
    }
}
