import Foundation

/// Chunks that go into HDF5 as they are, against copying their files.
struct CopyRow: BenchRow {
    static let name = "convert-source"

    func results(in workshop: Workshop) throws -> [RowResult] {
        try ["zstd", "blosc"].map { codec in
            let source = try Volume.data(codec, workshop)
            let place = workshop.folder.appending(path: "copy")
            func fresh() throws -> URL {
                try? FileManager.default.removeItem(at: place)
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
                return place
            }
            var row = RowResult(
                row: "convert, source, \(codec)", work: "a volume of 1 GiB, warm cache", bytes: Volume.bytes,
                contestants: workshop.contest([
                    (
                        "cristae",
                        {
                            try workshop.cristae([
                                "convert", source.path, try fresh().appending(path: "out.h5").path, "--compression",
                                "source",
                            ])
                        }
                    ),
                    (
                        "cp",
                        { try workshop.peer("copy", [source.path, try fresh().appending(path: "copy").path]) }
                    ),
                ]))
            try? FileManager.default.removeItem(at: place)
            row.compare("speed", \.seconds, with: "cp", atLeast: 0.7)
            row.limit = "disk"
            return row
        }
    }
}

/// The volume that the rows on conversion share.
enum Volume {
    static let bytes = 1073741824.0

    static func data(_ codec: String, _ workshop: Workshop) throws -> URL {
        try workshop.data("volume-\(codec)", "volume", ["--shape", "1024x1024x1024", "--codec", codec])
    }
}
