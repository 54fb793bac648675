// swift-tools-version: 6.3

import PackageDescription

/// Settings of every Swift target here. Each feature is one that a future language mode turns on, or a check that this
/// project wants: `Docs/Architecture.md` says why.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    // A factory's connection may be noncopyable, so that what a body is handed cannot leave it.
    .enableExperimentalFeature("SuppressedAssociatedTypes"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "swift-lock-pool",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "LockPool", targets: ["LockPool"]),
        .library(name: "ConnectionPooling", targets: ["ConnectionPooling"]),
        .library(name: "SQLitePooling", targets: ["SQLitePooling"]),
        .library(name: "PostgresPooling", targets: ["PostgresPooling"]),
    ],
    targets: [
        .target(name: "CLockPoolThread"),
        .systemLibrary(
            name: "CLockPoolSQLite",
            pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite3"])]
        ),
        .systemLibrary(
            name: "CLockPoolPQ",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
        ),
        .target(
            name: "LockPool",
            dependencies: ["CLockPoolThread"],
            // A fixed pool's memory is a part of it, as an atomic's is, by the features that the standard library has for that.
            swiftSettings: settings + [
                .enableExperimentalFeature("RawLayout"),
                .enableExperimentalFeature("StaticExclusiveOnly"),
                .enableExperimentalFeature("BuiltinModule"),
            ]
        ),
        .target(name: "ConnectionPooling", dependencies: ["LockPool"], swiftSettings: settings),
        .target(
            name: "SQLitePooling",
            dependencies: ["ConnectionPooling", "CLockPoolSQLite", "CLockPoolThread"],
            swiftSettings: settings
        ),
        .target(
            name: "PostgresPooling",
            dependencies: ["ConnectionPooling", "CLockPoolPQ", "CLockPoolThread"],
            swiftSettings: settings
        ),
        // What tests of pools need: a clock that they advance themselves.
        .target(name: "PoolTesting", dependencies: ["ConnectionPooling"], swiftSettings: settings),
        // What tests of any kind need: other programs, and what became of them.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "LockPoolTests", dependencies: ["LockPool", "PoolTesting"], swiftSettings: settings),
        .testTarget(
            name: "ConnectionPoolingTests",
            dependencies: ["ConnectionPooling", "PoolTesting"],
            swiftSettings: settings
        ),
        // What must not compile, compiled.
        .testTarget(
            name: "CompileFailureTests",
            dependencies: ["LockPool", "ConnectionPooling", "SQLitePooling", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SQLitePoolingTests",
            dependencies: ["SQLitePooling", "CLockPoolSQLite"],
            swiftSettings: settings
        ),
        // Counts what libpq does on which thread.
        .target(name: "CBlockingCalls", path: "Tests/CBlockingCalls"),
        .testTarget(
            name: "PostgresPoolingTests",
            dependencies: ["PostgresPooling", "CLockPoolPQ", "CBlockingCalls", "TestSupport"],
            swiftSettings: settings
        ),
    ]
)
