// swift-tools-version:6.2
import PackageDescription

/// Set by Tests/Fuzz/run.sh: our code with coverage feedback and the address sanitizer, and one target more.
let isFuzzing = Context.environment["CRISTAE_FUZZ"] != nil
let sanitizers = ["-sanitize=address,fuzzer"]

/// The commit that the program tells of in what it makes (`txt/provenance.json`).
let commit = Context.environment["CRISTAE_COMMIT"].flatMap { text in
    (7...64).contains(text.count) && text.allSatisfy { "0123456789abcdef".contains($0) } ? text : nil
}

let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (isFuzzing ? [.unsafeFlags(sanitizers)] : [])

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "cristae",
    products: [.executable(name: "cristae", targets: ["cristae"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    ],
    targets: [
        .systemLibrary(name: "CPrefetch"),
        .systemLibrary(name: "CRename"),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CBlosc", pkgConfig: "blosc", providers: [.apt(["libblosc-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CBZip2", providers: [.apt(["libbz2-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

        .target(
            name: "CBuild", cSettings: commit.map { [.define("CRISTAE_COMMIT", to: "\"\($0)\"")] } ?? []),

        library("Elements"),
        library("JSONText", ["Elements"]),
        library("Threads", [deque]),
        library("Geometry", ["Elements"]),
        library("Codecs", ["Elements", "CBlosc", "CZstd", "CDeflate", "CBZip2", "CLZMA", "CLZ4"]),
        library("Stores", ["Elements", "JSONText", "Threads", "Geometry", "Codecs", "CCurl", crypto]),
        library("Volumes", ["Elements", "JSONText", "Geometry", "Codecs", "Stores"]),
        library("HDF5", ["Elements", "Threads", "CHDF5"]),
        library("Resampling", ["Elements", "Geometry", "CPrefetch"]),
        library("Ledger", ["Elements", "JSONText", "Threads", "Codecs", "CRename", crypto]),
        library("Manifest", ["Elements", "JSONText", "Geometry", "Ledger"]),
        library(
            "Arrays",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Codecs", "Stores", "Volumes", "HDF5", "Resampling",
                "Ledger",
                "Manifest", deque,
            ]),
        library(
            "Planning",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Stores", "Volumes", "HDF5", "Resampling", "Ledger",
                "Manifest", "Arrays", crypto, logging,
            ]),
        library(
            "CropFiles",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Codecs", "Stores", "Volumes", "HDF5", "Resampling",
                "Ledger",
                "Manifest", "Arrays", "Planning",
            ]),
        library(
            "Conversion",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Codecs", "Stores", "Volumes", "HDF5", "Ledger",
                "Manifest",
                "Arrays",
            ]),
        library(
            "Job",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Codecs", "Stores", "Volumes", "HDF5", "Resampling",
                "Ledger",
                "Manifest", "Arrays", "Planning", "CropFiles", deque, heap, crypto, logging,
            ]),
        library(
            "Summaries",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Stores", "HDF5", "Ledger", "Manifest", "Arrays",
                "Planning",
                "CropFiles", "Job", "CBuild", crypto, logging,
            ]),
        library(
            "Scheduling",
            [
                "Elements", "JSONText", "Threads", "Stores", "Ledger", "Manifest", "Arrays", "Planning", "CropFiles",
                "Job",
                "Summaries", deque, heap, logging,
            ]),
        library(
            "Report",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Stores", "Ledger", "Manifest", "Arrays", "Planning",
                "CropFiles", "Job", "Summaries", "Scheduling", logging,
            ]),
        .executableTarget(
            name: "cristae",
            dependencies: [
                "Elements", "JSONText", "Threads", "Geometry", "Stores", "Ledger", "Manifest", "Arrays", "Planning",
                "CropFiles", "Conversion", "Job", "Summaries", "Scheduling", "Report", arguments, logging,
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "cristae-bench",
            dependencies: ["Elements", "Geometry", "Resampling", "Threads", "Volumes", "cristae", arguments, crypto],
            exclude: ["peers"], swiftSettings: strict),

        tests("ElementsTests", ["Elements", "JSONText", "Threads"]),
        tests("GeometryTests", ["Geometry"], resources: [.copy("Data")]),
        tests("CodecsTests", ["Codecs", "Elements", crypto]),
        tests("StoresTests", ["Stores", "Elements", "JSONText", crypto]),
        tests(
            "VolumesTests", ["Volumes", "Elements", "Codecs", "JSONText", "Geometry", crypto],
            resources: [.copy("Fixtures")]),
        tests("HDF5Tests", ["HDF5", "Elements", "Codecs"]),
        tests("ResamplingTests", ["Resampling", "Elements", "Geometry"]),
        tests("LedgerTests", ["Ledger", "Elements", "JSONText"]),
        tests(
            "PipelineTests",
            [
                "Codecs", "Volumes", "Elements", "JSONText", "Geometry", "Stores", "Ledger", "HDF5", "Manifest",
                "Arrays",
                "Planning", "CropFiles", "Conversion", "Job", "Summaries", "Scheduling", "Report", logging,
            ]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["JSONText", "cristae", crypto],
            exclude: [
                "replica.py", "awkward.py", "reference.py", "check_outputs.py", "zarr_files.py", "synthetic.py",
                "hostile.py", "pack_entry.py", "change_chunk.py", "crop_tools.py", "conversion.py", "shards.py",
                "volumes.py", "loaders.py", "voxel_statistics.py",
                "requirements.txt", "servers", "golden.txt",
            ],
            swiftSettings: strict),
    ]
)

if isFuzzing {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["Elements", "JSONText", "Geometry", "Codecs", "Volumes", "Ledger"],
            path: "Tests/Fuzz/Harnesses", swiftSettings: strict,
            linkerSettings: [.unsafeFlags(sanitizers + ["-use-ld=lld"])]))
}
