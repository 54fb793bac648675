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

/// What the traits bring in.
let logging: Target.Dependency = .product(
    name: "Logging",
    package: "swift-log",
    condition: .when(traits: ["LoggingSupport"])
)
let metrics: Target.Dependency = .product(
    name: "CoreMetrics",
    package: "swift-metrics",
    condition: .when(traits: ["MetricsSupport"])
)
let tracing: Target.Dependency = .product(
    name: "Tracing",
    package: "swift-distributed-tracing",
    condition: .when(traits: ["DistributedTracingSupport"])
)
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle",
    package: "swift-service-lifecycle",
    condition: .when(traits: ["ServiceLifecycleSupport"])
)
let configuration: Target.Dependency = .product(
    name: "Configuration",
    package: "swift-configuration",
    condition: .when(traits: ["ConfigurationSupport"])
)

let package = Package(
    name: "swift-lock-pool",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "LockPool", targets: ["LockPool"]),
        .library(name: "ConnectionPooling", targets: ["ConnectionPooling"]),
        .library(name: "SQLitePooling", targets: ["SQLitePooling"]),
        .library(name: "PostgresPooling", targets: ["PostgresPooling"]),
        .library(name: "PoolMigrations", targets: ["PoolMigrations"]),
        .library(name: "PoolTesting", targets: ["PoolTesting"]),
    ],
    traits: [
        // The databases of PoolMigrations. They bring in no package. One trait stands for both,
        // because SwiftPM passes several to the compiler in a random order, and another order
        // compiles everything again.
        .default(enabledTraits: ["AllMigrations"]),
        .trait(
            name: "AllMigrations",
            description: "Migrations of both databases in PoolMigrations. Enabled by default."
        ),
        .trait(name: "SQLiteMigrations", description: "Migrations of SQLite files in PoolMigrations."),
        .trait(name: "PostgresMigrations", description: "Migrations of PostgreSQL databases in PoolMigrations."),
        .trait(name: "LoggingSupport", description: "A logger as an observer of pools, by swift-log."),
        .trait(name: "MetricsSupport", description: "Metrics of pools with OpenTelemetry's names, by swift-metrics."),
        .trait(
            name: "DistributedTracingSupport",
            description: "Spans for waits, connects and statements, by swift-distributed-tracing."
        ),
        .trait(name: "ServiceLifecycleSupport", description: "Pools as services, by swift-service-lifecycle."),
        .trait(name: "ConfigurationSupport", description: "Configurations read by swift-configuration."),
    ],
    // Each for one trait. Without it, nothing of the package is compiled or linked.
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
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
        // What keeps OpenSSL, which libpq uses, from harm at the end of the process.
        .target(name: "CLockPoolTLS"),
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
        .target(
            name: "ConnectionPooling",
            dependencies: ["LockPool", "CLockPoolThread", logging, metrics, tracing, lifecycle, configuration],
            swiftSettings: settings
        ),
        .target(
            name: "SQLitePooling",
            dependencies: [
                "ConnectionPooling", "LockPool", "CLockPoolSQLite", "CLockPoolThread", logging, metrics, lifecycle,
                configuration,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "PostgresPooling",
            dependencies: [
                "ConnectionPooling", "LockPool", "CLockPoolPQ", "CLockPoolThread", "CLockPoolTLS", logging, metrics,
                lifecycle, configuration,
            ],
            swiftSettings: settings
        ),
        // A program that enables the trait of one database needs the C library of that one only.
        .target(
            name: "PoolMigrations",
            dependencies: [
                "ConnectionPooling",
                .target(name: "SQLitePooling", condition: .when(traits: ["AllMigrations", "SQLiteMigrations"])),
                .target(name: "PostgresPooling", condition: .when(traits: ["AllMigrations", "PostgresMigrations"])),
                logging,
            ],
            swiftSettings: settings
        ),
        // What tests of pools need: a clock that they advance themselves, and connections that fail when they are told to.
        .target(name: "PoolTesting", dependencies: ["ConnectionPooling"], swiftSettings: settings),
        // What tests of any kind need: other programs, and what became of them.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "LockPoolTests", dependencies: ["LockPool", "PoolTesting"], swiftSettings: settings),
        // A process whose clocks are changed by a preloaded library.
        .executableTarget(
            name: "pool-clock-child",
            dependencies: ["ConnectionPooling", "LockPool", "PoolTesting", "CLockPoolThread"],
            path: "Tests/ClockChild",
            swiftSettings: settings
        ),
        .testTarget(
            name: "ConnectionPoolingTests",
            dependencies: ["ConnectionPooling", "LockPool", "PoolTesting", "TestSupport", "pool-clock-child"],
            swiftSettings: settings
        ),
        // The jobs of the Swift runtime, to be run in an order of one's own.
        .target(name: "CJobs", path: "Tests/CJobs"),
        // The connection pool in random orders of events, and over a day, without waiting.
        .executableTarget(
            name: "pool-simulation",
            dependencies: ["ConnectionPooling", "PoolTesting", "CJobs"],
            path: "Tests/PoolSimulation",
            swiftSettings: settings
        ),
        // What must not compile, compiled.
        .testTarget(
            name: "CompileFailureTests",
            dependencies: ["LockPool", "ConnectionPooling", "SQLitePooling", "TestSupport"],
            swiftSettings: settings
        ),
        // A disk that loses its power or runs full.
        .target(name: "CFaultyDisk", dependencies: ["CLockPoolSQLite"], path: "Tests/CFaultyDisk"),
        // Another process on a database file.
        .executableTarget(
            name: "sqlite-fault-child",
            dependencies: ["SQLitePooling", "ConnectionPooling", "CLockPoolSQLite"],
            path: "Tests/SQLiteFaultChild",
            swiftSettings: settings
        ),
        // A process that applies migrations, or is killed in the middle of one.
        .executableTarget(
            name: "migration-child",
            dependencies: ["PoolMigrations", "SQLitePooling", "PostgresPooling", "ConnectionPooling"],
            path: "Tests/MigrationChild",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SQLitePoolingTests",
            dependencies: [
                "SQLitePooling", "PoolMigrations", "PoolTesting", "CLockPoolSQLite", "CFaultyDisk", "TestSupport",
                "sqlite-fault-child", "migration-child",
            ],
            swiftSettings: settings
        ),
        // Counts what libpq does on which thread.
        .target(name: "CBlockingCalls", path: "Tests/CBlockingCalls"),
        // A process that exits while it uses a pool.
        .executableTarget(
            name: "postgres-exit-child",
            dependencies: ["PostgresPooling", "ConnectionPooling"],
            path: "Tests/PostgresExitChild",
            swiftSettings: settings
        ),
        .testTarget(
            name: "PostgresPoolingTests",
            dependencies: [
                "PostgresPooling", "PoolMigrations", "PoolTesting", "CLockPoolPQ", "CLockPoolThread", "CBlockingCalls",
                "TestSupport", "postgres-exit-child", "migration-child",
            ],
            swiftSettings: settings
        ),
    ]
)
