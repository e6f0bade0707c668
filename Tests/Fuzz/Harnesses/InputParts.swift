/// An input of several texts and, at the end, bytes: zero bytes, which no JSON text has, stand between them.
struct InputParts {
    private let parts: [[UInt8]]

    /// - Parameter maximumCount: what follows the zero byte after the last part but one is the last part, whatever it holds.
    init(_ input: UnsafeRawBufferPointer, maximumCount: Int = 2) {
        parts = input.split(separator: 0, maxSplits: maximumCount - 1, omittingEmptySubsequences: false).map {
            Array($0)
        }
    }

    /// Empty where there are fewer.
    func part(_ number: Int) -> [UInt8] { parts.indices.contains(number) ? parts[number] : [] }

    /// All parts from this one on.
    func parts(from number: Int) -> [[UInt8]] { Array(parts.dropFirst(number)) }
}
