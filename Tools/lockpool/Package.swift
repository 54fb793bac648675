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
    name: "lockpool",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "lockpool", targets: ["lockpool"])
    ],
    dependencies: [
        .package(name: "swift-lock-pool", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .target(
            name: "LockPoolBench",
            dependencies: [
                .product(name: "ConnectionPooling", package: "swift-lock-pool"),
                .product(name: "PostgresPooling", package: "swift-lock-pool"),
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "lockpool",
            dependencies: [
                "LockPoolBench",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        // The helpers of the libraries' tests, through a link.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "LockPoolBenchTests",
            dependencies: [
                "LockPoolBench",
                "TestSupport",
                "lockpool",
                .product(name: "SQLitePooling", package: "swift-lock-pool"),
            ],
            swiftSettings: settings
        ),
    ]
)
