// swift-tools-version: 6.3

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "lockpool-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-lock-pool", path: "..", traits: ["MetricsSupport"]),
        // GRDB is a baseline. Users of the library never fetch it.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // C baselines, and a function whose body the optimizer cannot see.
        .target(name: "CBaselines", cSettings: [.unsafeFlags(["-O2"])]),
        .target(
            name: "CSQLiteBaseline",
            cSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("sqlite3")]
        ),
        // Adds the compiler flags that find libpq.
        .systemLibrary(name: "CBenchmarkPQ", pkgConfig: "libpq"),
        .target(name: "CPostgresBaseline", dependencies: ["CBenchmarkPQ"], cSettings: [.unsafeFlags(["-O2"])]),
        // Replaces malloc, so it is linked only into the executable that counts allocations.
        .target(name: "CAllocations"),
        .executableTarget(
            name: "allocation-counts",
            dependencies: [
                "CAllocations",
                .product(name: "LockPool", package: "swift-lock-pool"),
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "lockpool-benchmarks",
            dependencies: [
                "CBaselines",
                "CSQLiteBaseline",
                "CPostgresBaseline",
                .product(name: "LockPool", package: "swift-lock-pool"),
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
    ]
)
