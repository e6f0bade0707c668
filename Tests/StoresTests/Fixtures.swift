import Crypto
import Elements
import Foundation
import TestSupport
import Testing

@testable import Stores

/// Time that only passes by sleeping.
final class FakeClock: @unchecked Sendable {
    // `seconds` and `naps` are only touched with `lock` locked.
    private let lock = NSLock()
    private var seconds = 0.0
    private var naps: [Double] = []

    var slept: [Double] { lock.withLock { naps } }
    var now: Double { lock.withLock { seconds } }

    func surroundings(random: Double) -> (
        now: @Sendable () -> Double, sleep: @Sendable (Double) async throws -> Void, random: @Sendable () -> Double
    ) {
        (
            { self.now },
            { time in
                self.lock.withLock {
                    self.naps.append(time)
                    self.seconds += time
                }
            }, { random }
        )
    }
}

/// Stores against a ``MiniServer``, which wait for nothing between attempts.
struct Bench {
    let counter = TransferCounter()
    let clock = FakeClock()
    let told = Heard()
    var graceSeconds = 60.0
    var options = StoreOptions(connections: 4, maxAttempts: 4, environment: [:])

    func s3(_ server: MiniServer, _ url: String = "s3://bucket/pre fix") throws -> RetryingStore<S3Store> {
        var options = options
        options.endpoint = server.endpoint
        var settings = TransferLoop.Settings(options)
        settings.graceSeconds = graceSeconds
        let loop = try TransferLoop(settings: settings, counter: counter)
        return retrying(try S3Store(url: StoreURL(url), options: options, loop: loop))
    }

    func http(_ server: MiniServer, _ path: String = "/data") throws -> RetryingStore<HTTPStore> {
        let loop = try TransferLoop(settings: TransferLoop.Settings(options), counter: counter)
        return retrying(HTTPStore(url: try StoreURL(server.endpoint + path), loop: loop))
    }

    private func retrying<Base: PagedStore>(_ base: Base) -> RetryingStore<Base> {
        let (now, sleep, random) = clock.surroundings(random: 1)
        let policy = RetryPolicy(maxAttempts: options.maxAttempts, outageSeconds: options.outageSeconds)
        return RetryingStore(
            base: base, policy: policy, counter: counter, surroundings: .init(now: now, sleep: sleep, random: random),
            hasAnswered: options.hasAnswered, tell: told.add)
    }
}

extension ObjectStore {
    /// A small object as text; nil where there is none.
    func text(_ key: String, range: Range<Int>? = nil, maximumBytes: Int = 1 << 20) async throws(StoreError) -> String?
    {
        let object = try await get(key, range: range, maximumBytes: maximumBytes)
        return object.map { String(decoding: $0.bytes.array, as: UTF8.self) }
    }
}

/// The error of `work`; nil where it succeeds or throws something else.
func failure(_ work: () async throws -> some Any) async -> StoreError? {
    do {
        _ = try await work()
        return nil
    } catch {
        return error as? StoreError
    }
}

extension ByteBuffer {
    convenience init(_ text: String) { self.init(Array(text.utf8)) }
}

enum MD5 {
    static func hexadecimal(_ bytes: [UInt8]) -> String { Insecure.MD5.hash(data: bytes).hexadecimal }
}
