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

/// A library whose loops go over each byte of the data: optimised for tests too, which take a multiple of the time otherwise.
func kernels(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    let optimised = SwiftSetting.unsafeFlags(["-O"], .when(configuration: .debug))
    return .target(name: name, dependencies: dependencies, swiftSettings: strict + [optimised])
}

func library(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
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
        // Exact versions, so that every build, also one without Package.resolved, takes the code that was tested.
        // The command line: verbs, options, help and completion scripts.
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        // Log lines with levels, in text or JSON, through one handler of our own.
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // SHA-256 for records and fingerprints, HMAC for signed S3 requests, MD5 for ETags.
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        // Queues that are cut at the front (Deque) and the order of items by priority (Heap) without shifting an array.
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    ],
    targets: [
        // One inline function each, for what Swift cannot say: a prefetch hint, and renaming without replacing.
        .systemLibrary(name: "CPrefetch"),
        .systemLibrary(name: "CRename"),
        // The output format. Its own filters are not used: chunks are encoded outside.
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        // HTTP and TLS: many connections in one event loop, with proxies and certificates as the system has them.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        // Codecs of Zarr and N5 chunks, one library each; Blosc and zstd also encode.
        .systemLibrary(name: "CBlosc", pkgConfig: "blosc", providers: [.apt(["libblosc-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        // gzip and zlib streams, faster than zlib itself; CRC-32 and Adler-32 with vector instructions.
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        // Codecs of older or rarer arrays, which are only read.
        .systemLibrary(name: "CBZip2", providers: [.apt(["libbz2-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

        .target(
            name: "CBuild", cSettings: commit.map { [.define("CRISTAE_COMMIT", to: "\"\($0)\"")] } ?? []),

        kernels("Elements"),
        library("JSONText", ["Elements"]),
        library("Threads", [deque]),
        library("Geometry", ["Elements"]),
        kernels("Codecs", ["Elements", "CBlosc", "CZstd", "CDeflate", "CBZip2", "CLZMA", "CLZ4"]),
        kernels("VolumeDeflate", ["Elements", "Codecs"]),
        library("ZipFiles"),
        kernels("Stores", ["Elements", "JSONText", "Threads", "Codecs", "ZipFiles", "CCurl", crypto]),
        kernels("SampleStore", ["Elements", "JSONText", "Threads", "Geometry", "Codecs", "Stores"]),
        kernels("Volumes", ["Elements", "JSONText", "Geometry", "Codecs", "Stores"]),
        library("HDF5", ["Elements", "Threads", "CHDF5"]),
        kernels("Resampling", ["Elements", "Geometry", "CPrefetch"]),
        library(
            "Ledger", ["Elements", "JSONText", "Threads", "Codecs", "ZipFiles", "CRename", crypto],
            exclude: ["README.md"]),
        library("Manifest", ["Elements", "JSONText", "Geometry", "Ledger"]),
        library(
            "Arrays",
            [
                "SampleStore", "VolumeDeflate",
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
            ], exclude: ["README.md"]),
        library(
            "Conversion",
            [
                "SampleStore", "VolumeDeflate",
                "Elements", "JSONText", "Threads", "Geometry", "Codecs", "Stores", "Volumes", "HDF5", "Ledger",
                "Manifest",
                "Arrays",
            ]),
        library(
            "Job",
            [
                "SampleStore", "VolumeDeflate",
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
                "Elements", "JSONText", "Threads", "Geometry", "Stores", "SampleStore", "Volumes", "Ledger", "Manifest",
                "Arrays", "Planning", "CropFiles", "Conversion", "Job", "Summaries", "Scheduling", "Report", arguments,
                logging,
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "cristae-bench",
            dependencies: ["Elements", "Geometry", "Resampling", "Threads", "Volumes", "cristae", arguments, crypto],
            exclude: ["peers"], swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["Elements", "JSONText", "Codecs", "Stores", "Volumes"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(
            name: "JobTestSupport",
            dependencies: [
                "Elements", "JSONText", "HDF5", "Manifest", "Arrays", "Job", "Scheduling", "Report", "TestSupport",
                logging,
            ],
            path: "Tests/JobTestSupport",
            swiftSettings: strict),
        tests("StructureTests"),
        tests("ElementsTests", ["Elements", "JSONText", "Threads"]),
        tests("GeometryTests", ["Geometry"], resources: [.copy("Data")]),
        tests("CodecsTests", ["Codecs", "Elements", "TestSupport", crypto]),
        tests("VolumeDeflateTests", ["VolumeDeflate", "Codecs", "Elements", "TestSupport"]),
        tests("ZipFilesTests", ["ZipFiles"]),
        tests("StoresTests", ["Stores", "Codecs", "SampleStore", "Elements", "JSONText", "TestSupport", crypto]),
        tests("SampleStoreTests", ["SampleStore", "Stores", "Elements", "JSONText", "TestSupport"]),
        tests("VolumesTests", ["Volumes", "Elements", "Codecs", "JSONText", "Geometry", "TestSupport"]),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["Volumes", "Elements", "Codecs", "JSONText", "Geometry", "HDF5", "TestSupport", crypto],
            exclude: ["Fixtures"], swiftSettings: strict),
        tests("HDF5Tests", ["HDF5", "Elements", "Codecs", "TestSupport"]),
        tests("ResamplingTests", ["Resampling", "Elements", "Geometry", "TestSupport"]),
        tests("LedgerTests", ["Ledger", "ZipFiles", "Elements", "JSONText", "TestSupport"]),
        tests("ManifestTests", ["JSONText", "Geometry", "Manifest", "TestSupport"]),
        tests(
            "ArraysTests",
            [
                "Elements", "JSONText", "Threads", "Geometry", "Stores", "Volumes", "HDF5", "Ledger", "Manifest",
                "Arrays", "TestSupport",
            ]),
        tests(
            "PlanningTests",
            [
                "Elements", "JSONText", "Geometry", "Codecs", "Stores", "HDF5", "Ledger", "Arrays", "Planning", "Job",
                "Scheduling", "Report", "TestSupport", "JobTestSupport",
            ]),
        tests(
            "CropFilesTests",
            [
                "Elements", "JSONText", "Geometry", "Stores", "Volumes", "HDF5", "Arrays", "CropFiles", "Conversion",
                "Scheduling", "TestSupport", "JobTestSupport",
            ]),
        tests(
            "ConversionTests",
            ["Elements", "JSONText", "Stores", "Volumes", "HDF5", "Ledger", "Manifest", "Arrays", "Conversion"]),
        tests(
            "JobTests",
            [
                "Elements", "JSONText", "Geometry", "Stores", "Ledger", "Manifest", "Arrays", "Planning", "Job",
                "Scheduling", "TestSupport", "JobTestSupport", logging,
            ]),
        tests(
            "SummariesTests",
            [
                "Elements", "JSONText", "Stores", "HDF5", "Ledger", "Manifest", "Arrays", "Planning", "CropFiles",
                "Job", "Summaries", "Scheduling", "TestSupport", "JobTestSupport",
            ]),
        tests(
            "SchedulingTests",
            [
                "Elements", "JSONText", "Geometry", "Codecs", "VolumeDeflate", "Stores", "Volumes", "HDF5", "Ledger",
                "Manifest", "Arrays", "Planning", "CropFiles", "Conversion", "Job", "Summaries", "Scheduling", "Report",
                "TestSupport", "JobTestSupport", logging,
            ]),
        tests(
            "ReportTests",
            [
                "JSONText", "Stores", "Ledger", "Manifest", "Arrays", "Job", "Scheduling", "Report", "JobTestSupport",
                logging,
            ]),
        tests(
            "CristaeTests",
            [
                "cristae", "Elements", "JSONText", "Manifest", "Arrays", "Planning", "Job", "Scheduling", "Report",
                "Conversion", "TestSupport", arguments, logging,
            ]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["JSONText", "HDF5", "Elements", "cristae", "TestSupport", crypto],
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
            name: "fuzz",
            dependencies: ["Elements", "JSONText", "Geometry", "Codecs", "VolumeDeflate", "Volumes", "Ledger"],
            path: "Tests/Fuzz/Harnesses", swiftSettings: strict,
            linkerSettings: [.unsafeFlags(sanitizers + ["-use-ld=lld"])]))
}
