/// Produces `count` values concurrently, at most `width` at a time, and consumes them in order.
public func inOrder<Value: Sendable>(
    count: Int, width: Int, produce: @escaping @Sendable (Int) async throws -> Value,
    consume: (Int, Value) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        var started = 0
        var ready: [Int: Value] = [:]
        for next in 0..<count {
            // Values that wait for their turn count as under way, or one slow chunk would let the others pile up.
            while started < min(count, next + max(1, width)) {
                let number = started
                group.addTask { (number, try await produce(number)) }
                started += 1
            }
            while ready[next] == nil, let (number, value) = try await group.next() { ready[number] = value }
            guard let value = ready.removeValue(forKey: next) else {
                preconditionFailure("the values of all tasks were taken, and \(next) was not among them")
            }
            try await consume(next, value)
        }
    }
}

/// Maps concurrently, keeping the order.
public func concurrentMap<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ transform: @escaping @Sendable (Input) async throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        for (index, input) in inputs.enumerated() {
            group.addTask { (index, try await transform(input)) }
        }
        var outputs = [Output?](repeating: nil, count: inputs.count)
        for try await (index, output) in group { outputs[index] = output }
        return outputs.compactMap { $0 }
    }
}
