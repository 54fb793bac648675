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
        // The rival, for comparison. Users of the library never fetch it.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // What cannot be said in Swift without a doubt: the baselines, and work that no optimiser sees through.
        .target(name: "CBaselines", cSettings: [.unsafeFlags(["-O2"])]),
        .target(
            name: "CSQLiteBaseline",
            cSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("sqlite3")]
        ),
        // For the flags that the compiler needs to find libpq.
        .systemLibrary(name: "CBenchmarkPQ", pkgConfig: "libpq"),
        .target(name: "CPostgresBaseline", dependencies: ["CBenchmarkPQ"], cSettings: [.unsafeFlags(["-O2"])]),
        // Stands in for malloc, so it is linked only into the executable that counts allocations.
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
