internal import Synchronization

/// Keeps contexts that are costly to make (up to a megabyte each) for the next caller.
///
/// Each caller has a context to itself. The lock is held only to take a context or to put it back.
package final class ContextPool<Context: ~Copyable & Sendable>: Sendable {
    private let slots: Mutex<Slots>

    /// - Parameter capacity: the most idle contexts that are kept; further ones are freed.
    package init(capacity: Int = 32) { slots = Mutex(Slots(capacity: capacity)) }

    /// Runs `body` with an idle context, or a new one from `make`, and keeps it afterwards.
    package func withContext<R, E: Error>(
        make: () throws(E) -> Context, _ body: (inout Context) throws(E) -> R
    ) throws(E) -> R {
        var context: Context
        if let idle = slots.withLock({ $0.takeLast() }) { context = idle } else { context = try make() }
        let result: Result<R, E>
        do throws(E) { result = .success(try body(&context)) } catch { result = .failure(error) }
        giveBack(context)
        return try result.get()
    }

    private func giveBack(_ context: consuming Context) {
        var returned: Context? = consume context
        slots.withLock { slots in
            if let context = returned.take() { slots.append(context) }
        }
    }

    /// A stack of noncopyable contexts, which `Array` cannot hold.
    private struct Slots: ~Copyable, @unchecked Sendable {
        // @unchecked Sendable: the memory is reached only through this value, and that only under the pool's lock.
        private let base: UnsafeMutablePointer<Context>
        private let capacity: Int
        private var count = 0

        init(capacity: Int) {
            base = .allocate(capacity: capacity)
            self.capacity = capacity
        }

        deinit {
            base.deinitialize(count: count)
            base.deallocate()
        }

        mutating func takeLast() -> Context? {
            guard count > 0 else { return nil }
            count -= 1
            return (base + count).move()
        }

        mutating func append(_ context: consuming Context) {
            guard count < capacity else { return }
            (base + count).initialize(to: context)
            count += 1
        }
    }
}
