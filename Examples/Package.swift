// swift-tools-version: 6.3

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

let package = Package(
    name: "swift-lock-pool-examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-lock-pool", path: ".."),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        .executableTarget(
            name: "EventLoops",
            dependencies: [
                .product(name: "LockPool", package: "swift-lock-pool"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "SQLiteQuickStart",
            dependencies: [.product(name: "SQLitePooling", package: "swift-lock-pool")],
            swiftSettings: settings
        ),
        // One program for both database pools, with the code of Docs/API.md. The program for
        // PostgreSQL takes the server's URL from DATABASE_URL.
        .executableTarget(
            name: "SQLiteProgram",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "PostgresProgram",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        // The code of Docs/Pooling.md.
        .executableTarget(
            name: "PoolingGuide",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "PoolTesting", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        // The code of Docs/SQLite.md.
        // The C functions of SQLite, of the library that SQLitePooling links.
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
        .executableTarget(
            name: "SQLiteGuide",
            dependencies: [
                "CSQLite",
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        // The code of Docs/Migrations.md. It takes the server's URL from DATABASE_URL.
        .executableTarget(
            name: "MigrationsGuide",
            dependencies: [
                .product(name: "PoolMigrations", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        // The code of Docs/PostgreSQL.md. It takes the server's URL from DATABASE_URL.
        .executableTarget(
            name: "PostgresGuide",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
    ]
)
