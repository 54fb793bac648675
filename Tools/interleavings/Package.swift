// swift-tools-version: 6.3

import PackageDescription

// The core's own sources, through a link, with one of them replaced: `Machine.swift`, which holds
// every atomic operation. What is left out needs tasks and clocks, which the checker has none of.
let package = Package(
    name: "interleavings",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CFibers"),
        .executableTarget(
            name: "interleavings",
            dependencies: ["CFibers"],
            exclude: [
                "Core/Callbacks.swift",
                "Core/CancellableContinuation.swift",
                "Core/Core+Block.swift",
                "Core/Core+Wait.swift",
                "Core/Deadlines.swift",
                "Core/Documentation.docc",
                "Core/FixedLockPool.swift",
                "Core/FixedLockPool+Checkout.swift",
                "Core/LockPool.swift",
                "Core/LockPool+Callbacks.swift",
                "Core/LockPool+Checkout.swift",
                "Core/LockPool+Slots.swift",
                "Core/LockPoolError.swift",
                "Core/Machine.swift",
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .enableExperimentalFeature("Lifetimes"),
            ]
        ),
        .testTarget(name: "InterleavingsTests"),
    ]
)
