import Elements
import Foundation
import Testing

@testable import Stores

@Suite(.timeLimit(.minutes(10))) struct TransferLoopTests {
    @Test func connectionsAreUsedAgain() async throws {
        try await MiniServer.run { _ in
            .answer(200, body: "x")
        } body: { server in
            let store = try Bench().s3(server)
            for index in 0..<20 { #expect(try await store.text("k\(index)") == "x") }
            #expect(server.requests.count == 20)
            #expect(server.connections == 1)
        }
    }

    @Test func connectionsAreBounded() async throws {
        let bench = Bench()
        try await MiniServer.run { _ in
            Thread.sleep(forTimeInterval: 0.003)
            return .answer(200, body: "x")
        } body: { server in
            let store = try bench.s3(server)
            let texts = try await withThrowingTaskGroup(of: String?.self) { group in
                for index in 0..<60 { group.addTask { try await store.text("k\(index)") } }
                return try await group.reduce(into: [String?]()) { $0.append($1) }
            }
            #expect(texts == Array(repeating: "x", count: 60))
            #expect(server.peakRequests <= bench.options.connections)
            #expect(server.connections <= bench.options.connections)
        }
    }

    @Test func cancellingAbortsTheTransfer() async throws {
        var bench = Bench()
        bench.options.connections = 1
        bench.options.stallSeconds = 600
        try await MiniServer.run { request in
            request.target.hasSuffix("slow") ? .stall(length: 1000, body: "x") : .answer(200, body: "x")
        } body: { server in
            let store = try bench.s3(server)
            let running = Task { await failure { try await store.text("slow") } }
            while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            // There is one connection, so this one waits in line.
            let waiting = Task { await failure { try await store.text("waiting") } }
            waiting.cancel()
            #expect(await waiting.value?.code == .cancelled)
            let stillborn = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure { try await store.text("waiting") }
            }
            #expect(await stillborn.value?.code == .cancelled)
            running.cancel()
            #expect(await running.value?.code == .cancelled)
            #expect(try await store.text("after") == "x")
            while server.departed == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(server.requests.map(\.target).contains { $0.hasSuffix("waiting") } == false)
        }
    }

    @Test func aLoopMayEndWhileOthersGoOn() async throws {
        try await MiniServer.run { _ in
            .answer(200, body: "x")
        } body: { server in
            for _ in 0..<10 {
                let store = try Bench().s3(server)
                #expect(try await store.text("k") == "x")
            }
            #expect(server.connections == 10)
        }
    }

    @Test func lowBandwidthMeansFewTransfers() {
        let slow = TransferLoop.Settings(StoreOptions(connections: 64, bandwidth: 200_000, environment: [:]))
        #expect(slow.connections == 3)
        let slowest = TransferLoop.Settings(StoreOptions(connections: 64, bandwidth: 0, environment: [:]))
        #expect(slowest.connections == 1)
        #expect(slowest.stallBytesPerSecond == 1)
        #expect(TransferLoop.Settings(StoreOptions(connections: 0, environment: [:])).connections == 1)
    }

    @Test func theBandwidthIsNotExceeded() async throws {
        var bench = Bench()
        bench.options.bandwidth = 500_000
        let body = String(repeating: "x", count: 100_000)
        try await MiniServer.run { _ in
            .answer(200, body: body)
        } body: { server in
            let store = try bench.s3(server)
            let start = ContinuousClock.now
            for _ in 0..<5 { #expect(try await store.text("k") == body) }
            // One second's worth; what is saved up or still owed at the end is a fraction of it.
            #expect(ContinuousClock.now - start > .milliseconds(600))
        }
    }

    /// Fast enough not to stand still, but it would take for ever.
    @Test func aBodyThatDripsIsGivenUp() async throws {
        var bench = Bench()
        bench.graceSeconds = 0.3
        bench.options.maxAttempts = 1
        try await MiniServer.run { request in
            .drip(length: request.target.hasSuffix("small") ? 2000 : 40_000_000, milliseconds: 20)
        } body: { server in
            let store = try bench.s3(server)
            let error = await failure { try await store.text("large", maximumBytes: 1 << 30) }
            #expect(error?.code == .stalled)
            #expect(error?.message.contains("a second are the least") == true, "\(error?.message ?? "nothing")")
            #expect(try await store.text("small")?.utf8.count == 2000)
        }
    }

    @Test func thePaceGrowsWithTheSize() {
        let pace = TransferPace(settings: TransferLoop.Settings(StoreOptions(environment: [:])))
        #expect(pace.floor(announced: 1000) == 1024)
        #expect(pace.floor(announced: 9_000_000) == 10_000)
        #expect(pace.floor(announced: .max) == 65536)
        let limited = TransferLoop.Settings(StoreOptions(bandwidth: 65536, environment: [:]))
        #expect(TransferPace(settings: limited).floor(announced: .max) == 16384)
    }

    @Test func aLimitedLoopDeliversEverything() async throws {
        var bench = Bench()
        bench.options.bandwidth = 2_000_000
        let body = String(repeating: "x", count: 100_000)
        try await MiniServer.run { _ in
            .answer(200, body: body)
        } body: { server in
            let store = try bench.s3(server)
            for _ in 0..<3 { #expect(try await store.text("k") == body) }
        }
        #expect(bench.counter.snapshot.bytes == 300_000)
    }
}
