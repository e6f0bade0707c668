import Foundation
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// Crops whose components are handed out layer by layer to many chunks at once, on few cores and on many.
    @Suite struct ThinCropTests {
        private static let environment = ProcessInfo.processInfo.environment
        /// Runs for each number of cores: `CRISTAE_THIN`.
        private static let runs = environment["CRISTAE_THIN"].flatMap { Int($0) } ?? 1
        private static let crops = 8
        /// Planes of a crop, in chunks of 64: many layers.
        private static let planes = 512

        private func write(_ value: JSONValue, _ file: URL) throws {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(value.prettyText.utf8).write(to: file)
        }

        private func image(_ folder: URL, _ voxels: [UInt8], _ random: inout SplitMix) throws {
            let scale: JSONValue = ["type": "scale", "scale": [8, 8, 8]]
            let move: JSONValue = ["type": "translation", "translation": [0, 0, 0]]
            let axes = ["z", "y", "x"].map { name -> JSONValue in
                ["name": .string(name), "type": "space", "unit": "nanometer"]
            }
            try write(["zarr_format": 2], folder.appending(path: ".zgroup"))
            try write(
                [
                    "multiscales": [
                        [
                            "version": "0.4", "name": "", "axes": .array(axes),
                            "datasets": [["path": "s0", "coordinateTransformations": [scale, move]]],
                        ]
                    ]
                ], folder.appending(path: ".zattrs"))
            try write(
                [
                    "zarr_format": 2, "shape": [.integer(Self.planes), 16, 16], "chunks": [64, 16, 16], "dtype": "|u1",
                    "compressor": nil, "filters": nil, "order": "C", "fill_value": 0, "dimension_separator": "/",
                ], folder.appending(path: "s0/.zarray"))
            for chunk in 0..<Self.planes / 64 {
                let bytes = (0..<64 * 256).map { _ in voxels.randomElement(using: &random) ?? 1 }
                let file = folder.appending(path: "s0/\(chunk)/0/0")
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: file)
            }
        }

        private func bucket() throws -> URL {
            var random = SplitMix(seed: Harness.seed)
            let bucket = try Harness.newFolder("thin")
            let recon = bucket.appending(path: "thin/thin.zarr/recon-1")
            try image(recon.appending(path: "em/fibsem-uint8"), Array(1..<255), &random)
            for crop in 1...Self.crops {
                try image(
                    recon.appending(path: "labels/groundtruth/crop\(crop)/all"), [1, 3, 4, 5, 50], &random)
            }
            return bucket
        }

        /// A library which says that there are 32 cores; whoever preloads it starts so many threads.
        private func manyCores() async throws -> URL {
            let folder = try Harness.newFolder("cores")
            let source = folder.appending(path: "cores.c")
            let text = """
                #define _GNU_SOURCE
                #include <dlfcn.h>
                #include <pthread.h>
                #include <sched.h>
                #include <string.h>
                #include <unistd.h>
                int sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *cores) {
                  memset(cores, 0, bytes);
                  for (int core = 0; core < 32; core++) CPU_SET_S(core, bytes, cores);
                  return 0;
                }
                int pthread_getaffinity_np(pthread_t thread, size_t bytes, cpu_set_t *cores) {
                  return sched_getaffinity(0, bytes, cores);
                }
                long sysconf(int name) {
                  long (*next)(int) = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
                  return name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF ? 32 : next(name);
                }
                """
            try Data(text.utf8).write(to: source)
            let library = folder.appending(path: "cores.so")
            let child = try ChildProcess(
                URL(filePath: "/usr/bin/cc"), ["-shared", "-fPIC", "-o", library.path, source.path, "-ldl"], in: folder,
                name: "cc")
            let outcome = try await child.wait(atMost: 60)
            guard outcome.exitCode == 0 else { throw HarnessError("cc: \(outcome.summary)") }
            return library
        }

        @Test func noCropIsLostOnAnyNumberOfCores() async throws {
            let job = try Job(["source": .string("file://\(try bucket().path)"), "datasets": ["thin"]])
            let library = try await manyCores()
            var first: FileTree?
            for cores in [1, 2, 32] {
                for run in 0..<Self.runs {
                    try job.wipe()
                    let outcome: ChildProcess.Outcome
                    if cores == 32 {
                        outcome = try await job.run(
                            ["run", job.manifest.path], environment: ["LD_PRELOAD": library.path])
                    } else {
                        let command = [
                            "-c", cores == 1 ? "0" : "0,1", try Harness.binary().path, "run", job.manifest.path,
                        ]
                        outcome = try await ChildProcess(
                            URL(filePath: "/usr/bin/taskset"), command, in: job.folder, name: "thin"
                        ).wait(atMost: 600)
                    }
                    let context = "run \(run) on \(cores) cores: \(outcome.summary)"
                    #expect(outcome.exitCode == 0, "\(context)")
                    let tree = try job.tree()
                    #expect(tree.files.keys.count { $0.hasPrefix("crops/") } == Self.crops, "\(context)")
                    if let first {
                        #expect(tree.differences(from: first) == [], "\(context)")
                    } else {
                        first = tree
                    }
                }
            }
        }
    }
}
