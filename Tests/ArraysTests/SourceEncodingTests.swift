import Elements
import Geometry
import HDF5
import Manifest
import Stores
import Testing
import Volumes

@testable import Arrays

/// `compression: source` is the same for a job and for `convert`.
@Suite struct SourceEncodingTests {
    private struct Case: Sendable, CustomTestStringConvertible {
        var format = VolumeFormat.zarrV2
        let compressor: String
        var filters = "null"
        let filter: ChunkFilter
        var testDescription: String { "\(format) \(compressor) \(filters)" }

        var metadata: String {
            if format == .n5 {
                return """
                    {"dimensions": [128, 128, 128], "blockSize": [64, 64, 64], "dataType": "uint16",
                     "compression": \(compressor)}
                    """
            }
            return """
                {"zarr_format": 2, "shape": [128, 128, 128], "chunks": [64, 64, 64], "dtype": "<u2", "order": "C",
                 "compressor": \(compressor), "fill_value": 0, "filters": \(filters), "dimension_separator": "/"}
                """
        }
    }

    private static let cases = [
        Case(compressor: "null", filter: .none),
        Case(compressor: #"{"id": "zlib", "level": -1}"#, filter: .deflate(level: 6)),
        Case(compressor: #"{"id": "zlib", "level": 9}"#, filter: .deflate(level: 9)),
        Case(compressor: #"{"id": "zlib", "level": 0}"#, filter: .deflate(level: 0)),
        Case(compressor: #"{"id": "gzip", "level": 3}"#, filter: .deflate(level: 3)),
        Case(compressor: #"{"id": "zstd", "level": 5}"#, filter: .zstd(level: 5)),
        Case(
            compressor: #"{"id": "blosc", "cname": "lz4", "clevel": 7, "shuffle": -1}"#,
            filter: .blosc(typeSize: 2, level: 7, shuffle: 1, compressor: "lz4")),
        Case(compressor: #"{"id": "bz2", "level": 5}"#, filter: .deflate(level: 6)),
        Case(
            compressor: #"{"id": "zstd", "level": 5}"#, filters: #"[{"id": "delta", "dtype": "<u2"}]"#,
            filter: .zstd(level: 5)),
        Case(format: .n5, compressor: #"{"type": "raw"}"#, filter: .none),
        Case(format: .n5, compressor: #"{"type": "gzip", "level": -1}"#, filter: .deflate(level: 6)),
        Case(format: .n5, compressor: #"{"type": "gzip", "level": 2}"#, filter: .deflate(level: 2)),
        Case(format: .n5, compressor: #"{"type": "zstd", "level": 4}"#, filter: .zstd(level: 4)),
        Case(format: .n5, compressor: #"{"type": "bzip2", "blockSize": 9}"#, filter: .deflate(level: 6)),
    ]

    @Test(arguments: cases)
    private func isTheSameForJobsAndConvert(_ one: Case) throws {
        let box = Box(shape: ZYX(repeating: 128))
        let plan = ArrayPlan(
            name: "raw", image: "d/d.zarr/a", level: "s0",
            grid: Grid(shape: box.shape, voxelSize: ZYX(repeating: 8), translation: ZYX(repeating: 0)), box: box,
            written: box, metadata: one.metadata, annotation: nil, format: one.format)
        let planned = try PlannedArray(plan, store: try StoreURL("file:///nowhere"))
        for isLabel in [true, false] {
            let job = Encoding(
                .source, elementType: .uint16, shape: box.shape, isLabel: isLabel,
                source: planned)
            let convert = Encoding(.source, level: nil, copying: planned.metadata, maximumChunkBytes: 1 << 30)
            #expect(job.filter == one.filter)
            #expect(convert.filter == one.filter)
            #expect(job.chunkShape == convert.chunkShape)
        }
    }
}
