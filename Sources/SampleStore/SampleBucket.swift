internal import Codecs
public import Elements
internal import Geometry
internal import JSONText

/// A small bucket that the program makes itself: five invented datasets in the layout of the real one, with raw data
/// that look like electron microscopy and labels that fit them.
///
/// It is a pure function of the key: decoded content and metadata are the same on every machine, run and thread. (The
/// encoded bytes also depend on the versions of the compression libraries.) Nothing is kept but a bounded number of
/// chunks.
public struct SampleBucket: Sendable {
    private struct ArrayName: Sendable {
        let image: Int
        let level: Int
    }

    /// Decoded chunks that are kept, in bytes.
    private static let cacheLimit = 64 << 20

    private let images: [SampleImage]
    private let voxels: SampleVoxels
    /// Metadata and other small texts, by key.
    private let documents: [String: String]
    /// The arrays, by path.
    private let arrays: [String: ArrayName]

    public init() { self.init(cacheLimit: Self.cacheLimit) }

    /// - Parameter cacheLimit: bytes of decoded chunks to keep.
    init(cacheLimit: Int) {
        var images: [SampleImage] = []
        var documents = SampleCatalog.stray
        for dataset in SampleCatalog.datasets {
            let own = dataset.images(firstSource: images.count)
            for (key, value) in dataset.documents(own) { documents[key] = SampleJSON.text(value) + "\n" }
            images += own
        }
        var arrays: [String: ArrayName] = [:]
        for (number, image) in images.enumerated() {
            for level in image.levels.indices {
                arrays[image.arrayPath(level)] = ArrayName(image: number, level: level)
            }
        }
        self.images = images
        self.documents = documents
        self.arrays = arrays
        voxels = SampleVoxels(images: images, limit: cacheLimit)
    }

    /// The stored bytes of an object; nil where there is no such object, which for a chunk means that it is unstored.
    public func object(_ key: String) -> ByteBuffer? {
        if let text = documents[key] { return ByteBuffer(text.utf8) }
        guard let chunk = chunk(named: key), let decoded = decoded(chunk.array, chunk.index) else { return nil }
        let codec = images[chunk.array.image].storage.codec
        return decoded.withSpan { span in try? codec.encode(span) }
    }

    /// The same before it is compressed: what a chunk holds (little-endian elements, C order, whole chunk shape).
    func decodedObject(_ key: String) -> ByteBuffer? {
        if let text = documents[key] { return ByteBuffer(text.utf8) }
        guard let chunk = chunk(named: key) else { return nil }
        return decoded(chunk.array, chunk.index)
    }

    /// The keys of all objects, sorted by their bytes.
    ///
    /// Knowing which chunks are stored takes rendering all labels: a second.
    public var keys: [String] {
        // In this order a level finds the chunks of the finer one still in memory.
        let paths = images.flatMap { image in image.levels.indices.map { image.arrayPath($0) } }
        return (paths.flatMap { storedChunks(arrayPath: $0, under: "") } + documents.keys).sorted()
    }

    /// What lies one level below a folder ("" is the root): names of folders and of objects, both sorted.
    public func children(of folder: String) -> (folders: [String], objects: [String]) {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var below = documents.keys.filter { $0.hasPrefix(prefix) }
        if let path = arrayPath(around: folder) { below += storedChunks(arrayPath: path, under: prefix) }
        var folders = Set<String>()
        var objects = Set<String>()
        for key in below {
            let rest = key.dropFirst(prefix.count)
            if let slash = rest.firstIndex(of: "/") {
                folders.insert(String(rest[..<slash]))
            } else {
                objects.insert(String(rest))
            }
        }
        return (folders.sorted(), objects.sorted())
    }

    /// The array which a folder is, or is inside of.
    private func arrayPath(around folder: String) -> String? {
        var components = folder.split(separator: "/", omittingEmptySubsequences: false)
        while !components.isEmpty {
            let path = components.joined(separator: "/")
            if arrays[path] != nil { return path }
            components.removeLast()
        }
        return nil
    }

    private func storedChunks(arrayPath: String, under prefix: String) -> [String] {
        guard let array = arrays[arrayPath] else { return [] }
        let image = images[array.image]
        var keys: [String] = []
        Box(shape: image.chunkCounts(array.level)).forEachIndex { index in
            let key = image.chunkKey(array.level, index)
            guard key.hasPrefix(prefix) else { return }
            if voxels.isStored(array.image, level: array.level, index) { keys.append(key) }
        }
        return keys
    }

    /// The array and the place in its chunk grid that a key names.
    private func chunk(named key: String) -> (array: ArrayName, index: ZYX<Int>)? {
        guard let path = arrayPath(around: key), let array = arrays[path], key.utf8.count > path.utf8.count else {
            return nil
        }
        let image = images[array.image]
        let parts = key.dropFirst(path.count + 1).split(
            separator: image.storage.separator, omittingEmptySubsequences: false)
        guard let index = ZYX(parts.compactMap { Int($0) }) else { return nil }
        // Only the one spelling of an index is a key: no "+1", no "01".
        guard image.chunkKey(array.level, index) == key else { return nil }
        let counts = image.chunkCounts(array.level)
        guard index.zip(counts, { $0 >= 0 && $0 < $1 }).allSatisfy({ $0 }) else { return nil }
        return (array, index)
    }

    private func decoded(_ array: ArrayName, _ index: ZYX<Int>) -> ByteBuffer? {
        let storage = images[array.image].storage
        guard voxels.isStored(array.image, level: array.level, index) else { return nil }
        let values = voxels.chunk(array.image, level: array.level, index)
        let size = storage.elementType.byteCount
        let buffer = ByteBuffer(zeroed: values.count * size)
        buffer.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            values.withUnsafeBufferPointer { values in
                let target = base.assumingMemoryBound(to: UInt8.self)
                var (index, offset) = (0, 0)
                while index < values.count {
                    target[offset] = UInt8(truncatingIfNeeded: values[index])
                    if size > 1 { target[offset + 1] = UInt8(truncatingIfNeeded: values[index] >> 8) }
                    index += 1
                    offset += size
                }
            }
        }
        return buffer
    }
}

/// Writes the sample's metadata: sorted keys, two spaces a level, floats always with a decimal point (`1.0`).
///
/// Written here and not by Foundation, so that the bytes depend on no library's version.
enum SampleJSON {
    static func text(_ value: JSONValue, indent: String = "") -> String {
        let inner = indent + "  "
        switch value {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .unsigned(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .string(let value): return "\"\(value)\""
        case .array(let values) where values.isEmpty: return "[]"
        case .array(let values):
            let lines = values.map { inner + text($0, indent: inner) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(indent)]"
        case .object(let members) where members.isEmpty: return "{}"
        case .object(let members):
            let lines = members.sorted { $0.key < $1.key }.map {
                "\(inner)\"\($0.key)\": \(text($0.value, indent: inner))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        }
    }
}
