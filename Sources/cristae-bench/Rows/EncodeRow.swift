import Foundation

/// Decoding a volume and encoding it anew.
struct EncodeRow: BenchRow {
    static let name = "convert"

    func results(in workshop: Workshop) throws -> [RowResult] {
        let source = try Volume.data("zstd", workshop)
        return try ["gzip", "none", "zstd"].map { try result($0, source, workshop) }
    }

    private func result(_ compression: String, _ source: URL, _ workshop: Workshop) throws -> RowResult {
        let place = workshop.folder.appending(path: "encode")
        func output() throws -> String {
            try? FileManager.default.removeItem(at: place)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            return place.appending(path: "out.h5").path
        }
        // The levels and the chunks that ours takes.
        let settings = ["--level", compression == "zstd" ? "3" : "4", "--chunk", "128x128x128"]
        func sized(_ run: (String) throws -> Sample) throws -> Sample {
            let path = try output()
            var sample = try run(path)
            sample.counts["file"] = Double(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0)
            return sample
        }
        var contestants: [(name: String, run: () throws -> Sample)] = [
            (
                "cristae",
                { try sized { try workshop.cristae(["convert", source.path, $0, "--compression", compression]) } }
            ),
            (
                "tensorstore",
                {
                    try sized {
                        try workshop.peer(
                            "convert-tensorstore", [source.path, $0, "--compression", compression] + settings)
                    }
                }
            ),
        ]
        if compression == "gzip" {
            contestants.append(
                (
                    // What people do today: h5py's own level and a loop.
                    "zarr-python",
                    { try sized { try workshop.peer("convert-zarr-python", [source.path, $0, "--level", "4"]) } }
                ))
        }
        var row = RowResult(
            row: "convert, \(compression)", work: "a zstd volume of 1 GiB", bytes: Volume.bytes,
            contestants: workshop.contest(contestants))
        try? FileManager.default.removeItem(at: place)
        row.compare("speed", \.seconds, with: "zarr-python", atLeast: 6)
        row.compare("speed", \.seconds, with: "tensorstore", atLeast: compression == "gzip" ? 4 : 1.3)
        if compression == "gzip" {
            row.compare("file", { $0.median { $0.counts["file"] ?? 0 } }, with: "tensorstore", isRate: false, atMost: 1)
        }
        row.limit = compression == "none" ? "disk" : "processor: encoding"
        return row
    }
}
