// swift-tools-version: 6.3

import PackageDescription

// Proves that `pool-simulation` can fail: builds it over connection pools with a bug each.
let package = Package(
    name: "mutations",
    platforms: [.macOS(.v15)],
    targets: [.testTarget(name: "MutationsTests")]
)
