// swift-tools-version: 6.3

import PackageDescription

/// The files of the core that the checkers leave out: those that need tasks and clocks, and the
/// file that the checkers replace, `Machine.swift`, which holds every atomic operation.
let excluded = [
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
]

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

// What only the verification of this project needs: two checkers of the core's own sources, which
// are compiled through links, and tests that the checks find bugs.
let package = Package(
    name: "verification",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CFibers"),
        .target(name: "CRelaxed"),
        // The core in every order of its steps. Its atomic words are sequentially consistent.
        .executableTarget(
            name: "interleavings",
            dependencies: ["CFibers"],
            exclude: excluded,
            swiftSettings: settings
        ),
        // The same scenarios and promises with the memory orderings of C++20.
        .executableTarget(
            name: "relaxed",
            dependencies: ["CFibers", "CRelaxed"],
            exclude: excluded,
            swiftSettings: settings
        ),
        // Seeds bugs into the core, the connection pool and the back ends. A checker, the
        // simulation or a named test has to find each.
        .testTarget(name: "VerificationTests"),
    ]
)
