// swift-tools-version: 6.3

import PackageDescription

// The core's own sources, and the scenarios and promises of Tools/interleavings, through links.
// One file of the core is replaced, `Machine.swift`: its atomic words have the orderings of C++20
// here instead of sequential consistency.
let package = Package(
    name: "relaxed",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CFibers"),
        .target(name: "CRelaxed"),
        .executableTarget(
            name: "relaxed",
            dependencies: ["CFibers", "CRelaxed"],
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
    ]
)
