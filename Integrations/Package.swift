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

// The libraries with all traits, as a program enables them.
let package = Package(
    name: "integrations",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(
            name: "swift-lock-pool",
            path: "..",
            traits: [
                "LoggingSupport", "MetricsSupport", "DistributedTracingSupport", "ServiceLifecycleSupport",
                "ConfigurationSupport", "SQLiteMigrations",
            ]
        ),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
    ],
    targets: [
        // Depends on none of the packages behind the traits. `Scripts/test` checks that it links
        // them nevertheless.
        .executableTarget(
            name: "consumer",
            dependencies: [
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
        // The code of Docs/Observability.md.
        .target(
            name: "ObservabilityGuide",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
                .product(name: "PoolMigrations", package: "swift-lock-pool"),
                .product(name: "PoolTesting", package: "swift-lock-pool"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: settings
        ),
    ]
)
