import Elements
import JSONText

@testable import SampleStore

/// An array of the sample bucket, decoded as a whole by rules of its own: metadata, chunk keys, chunk grid.
struct SampleVolume {
    let shape: [Int]
    let values: [Int]
    /// Keys of chunks that are not there.
    let unstored: [String]
    /// Keys of chunks that are there.
    let stored: [String]

    init(_ bucket: SampleBucket, _ path: String) throws {
        let meta = try metadata(bucket, "\(path)/.zarray")
        let shape = try integers(meta["shape"])
        let chunk = try integers(meta["chunks"])
        let separator = try unwrap(meta["dimension_separator"]?.string)
        let type = try unwrap(meta["dtype"]?.string)
        let size = try unwrap(type.last?.wholeNumberValue)
        let isSigned = type.contains("i")
        var values = [Int](repeating: 0, count: shape.reduce(1, *))
        var unstored: [String] = []
        var stored: [String] = []
        let counts = zip(shape, chunk).map { ($0 + $1 - 1) / $1 }
        for number in 0..<counts.reduce(1, *) {
            let index = [number / (counts[1] * counts[2]), number / counts[2] % counts[1], number % counts[2]]
            let key = "\(path)/" + index.map { String($0) }.joined(separator: separator)
            guard let body = bucket.decodedObject(key) else {
                unstored.append(key)
                continue
            }
            stored.append(key)
            guard body.count == chunk.reduce(1, *) * size else { throw SampleVolumeError(key) }
            let start = zip(index, chunk).map { $0 * $1 }
            let part = zip(start, zip(chunk, shape)).map { min($1.0, $1.1 - $0) }
            body.withUnsafeBytes { bytes in
                values.withUnsafeMutableBufferPointer { values in
                    var (z, to) = (0, 0)
                    while z < part[0] {
                        var y = 0
                        while y < part[1] {
                            var offset = (z * chunk[1] + y) * chunk[2] * size
                            to = ((start[0] + z) * shape[1] + start[1] + y) * shape[2] + start[2]
                            let end = to + part[2]
                            while to < end {
                                var value = 0
                                var byte = size - 1
                                while byte >= 0 {
                                    value = value << 8 | Int(bytes[offset + byte])
                                    byte -= 1
                                }
                                values[to] = isSigned && value > 32767 ? value - 65536 : value
                                offset += size
                                to += 1
                            }
                            y += 1
                        }
                        z += 1
                    }
                }
            }
        }
        self.shape = shape
        self.values = values
        self.unstored = unstored
        self.stored = stored
    }

    subscript(z: Int, y: Int, x: Int) -> Int { values[(z * shape[1] + y) * shape[2] + x] }

    /// How often each value occurs.
    var counts: [Int: Int] {
        var counts: [Int: Int] = [:]
        var (last, run) = (0, 0)
        for value in values {
            if value != last {
                counts[last, default: 0] += run
                (last, run) = (value, 0)
            }
            run += 1
        }
        counts[last, default: 0] += run
        return counts.filter { $0.value > 0 }
    }

    /// The up to 8 values that the voxel (z, y, x) of the next coarser level is made from.
    func window(_ z: Int, _ y: Int, _ x: Int) -> [Int] {
        var result: [Int] = []
        for dz in 0..<2 where 2 * z + dz < shape[0] {
            for dy in 0..<2 where 2 * y + dy < shape[1] {
                for dx in 0..<2 where 2 * x + dx < shape[2] { result.append(self[2 * z + dz, 2 * y + dy, 2 * x + dx]) }
            }
        }
        return result
    }
}

struct SampleVolumeError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func unwrap<T>(_ value: T?) throws -> T {
    guard let value else { throw SampleVolumeError("a \(T.self) is missing") }
    return value
}

func metadata(_ bucket: SampleBucket, _ key: String) throws -> JSONValue {
    guard let body = bucket.object(key) else { throw SampleVolumeError("no object \(key)") }
    return try JSONValue(parsing: body.array)
}

func integers(_ value: JSONValue?) throws -> [Int] { try unwrap(value?.array).map { try unwrap($0.integer) } }

func numbers(_ value: JSONValue?) throws -> [Double] { try unwrap(value?.array).map { try unwrap($0.double) } }
