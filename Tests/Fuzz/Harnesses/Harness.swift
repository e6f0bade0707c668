/// Something that reads bytes from outside. Whatever they are, it must come back: with a result or with an error of its own type,
/// without a trap, an access beyond its memory, or an allocation that only the bytes have asked for.
protocol Harness: Sendable {
    var name: String { get }

    /// Reads one input; stops the process where a property does not hold.
    func run(_ input: UnsafeRawBufferPointer)

    /// Inputs to begin with.
    func seeds(_ fixtures: Fixtures) -> [[UInt8]]
}

extension Harness {
    /// Stops the process, as a finding.
    func require(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition { fatalError("\(name): \(message())") }
    }
}
