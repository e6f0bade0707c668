internal import Elements
internal import Foundation
internal import JSONText
public import Ledger
public import Stores
internal import Threads

/// What the store has said about a dataset's metadata, kept in `state/metadata/<dataset>.jsonl`: each question is asked once, also
/// over kills and re-plans. A line a question, after its CRC-32 in 8 hexadecimal digits and a space; lines of earlier versions have none.
/// What is torn or damaged is dropped, and asked again.
///
/// Kept are listings, metadata that are JSON, and "there is no such object"; never a failure. On a refresh everything is asked again, and
/// written only where an answer is another one.
public actor MetadataCache {
    /// What stands for a dataset where the store's own folder is asked for.
    public static let root = "_root"

    private enum Answer: Sendable {
        case text(String?)
        case listing(Listing)
    }

    /// A question that the store has not answered yet. It belongs to nobody's task: each of those who wait may leave, and only with the
    /// last one it is given up.
    private struct Request {
        public let number: Int
        public let task: Task<Void, Never>
        public var waiting: [Int: CheckedContinuation<Answer, any Error>] = [:]
    }

    /// Answers that a kill may lose.
    private static let saveEvery = 64
    /// The largest metadata object that is read, in bytes.
    public static let maximumBytes = 16 << 20

    private let store: any ObjectStore
    nonisolated var storeURL: StoreURL { store.url }
    private let state: ConfinedFolder
    private let path: String
    private var answers: [ByteName: Answer] = [:]
    private var asking: [ByteName: Request] = [:]
    private var requests = 0
    private var waiters = 0
    private var unsaved: [String] = []
    private var isSaving = false
    /// Whether some answers are from before.
    private let hasKeptAnswers: Bool
    /// On a refresh what the kept lines say, by question; else nil.
    private var kept: [ByteName: String]?

    /// Reads what is known of `dataset` at `store`.
    ///
    /// - Parameter refreshes: whether that is asked again; ``finishRefresh()`` ends it.
    public init(dataset: String, store: any ObjectStore, state: ConfinedFolder, refreshes: Bool = false) async throws {
        self.store = store
        self.state = state
        kept = refreshes ? [:] : nil
        path = "metadata/\(dataset).jsonl"
        let header = Self.header(of: store)
        let (state, path) = (state, path)
        let text = try await ThreadPool.files.run { () throws(LedgerError) in try state.read(path) } ?? []
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        let isKept = lines.first.map { String(decoding: $0, as: UTF8.self) == header } ?? false
        hasKeptAnswers = isKept && !refreshes && lines.count > 1
        guard isKept else {
            if refreshes { return }
            try await ThreadPool.files.run { () throws(LedgerError) in
                try state.write(Array((header + "\n").utf8), to: path)
            }
            return
        }
        for line in lines.dropFirst() {
            guard let body = Self.body(ofLine: line), let value = try? JSONValue(parsing: body),
                let question = value["ask"]?.string
            else { continue }
            if refreshes {
                kept?[ByteName(question)] = String(decoding: body, as: UTF8.self)
            } else {
                answers[ByteName(question)] = Self.answer(from: value)
            }
        }
    }

    /// A metadata object; nil where the store has none.
    public func text(_ key: String) async throws -> String? {
        guard case .text(let text) = try await answer("get \(key)") else { return nil }
        return text
    }

    /// One level below a folder.
    public func list(_ prefix: String) async throws -> Listing {
        guard case .listing(let listing) = try await answer("list \(prefix)") else { return Listing() }
        return listing
    }

    /// One level below a folder, where that has been asked and answered.
    public func listed(_ prefix: String) -> Listing? {
        guard case .listing(let listing) = answers[ByteName("list \(prefix)")] else { return nil }
        return listing
    }

    /// Forgets everything, also what is kept.
    ///
    /// - Returns: whether there were answers from before.
    public func forget() async throws -> Bool {
        (answers, unsaved, kept) = ([:], [], kept.map { _ in [:] })
        let (state, path) = (state, path)
        try await ThreadPool.files.run { () throws(LedgerError) in _ = try state.remove(path) }
        return hasKeptAnswers
    }

    private func answer(_ question: String) async throws -> Answer {
        if let known = answers[ByteName(question)] { return known }
        waiters += 1
        let waiter = waiters
        let answer = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait(waiter, for: question, $0) }
        } onCancel: {
            Task { await self.leave(waiter, question) }
        }
        if unsaved.count >= Self.saveEvery { try await save() }
        return answer
    }

    private func wait(_ waiter: Int, for question: String, _ continuation: CheckedContinuation<Answer, any Error>) {
        // Whoever is cancelled before it waits is not told later.
        guard !Task.isCancelled else {
            continuation.resume(throwing: CancellationError())
            return
        }
        if asking[ByteName(question)] == nil {
            requests += 1
            let (number, store) = (requests, store)
            let task = Task {
                let result: Result<Answer, any Error>
                do { result = .success(try await Self.ask(question, store)) } catch { result = .failure(error) }
                self.end(number, question, result)
            }
            asking[ByteName(question)] = Request(number: number, task: task)
        }
        asking[ByteName(question)]?.waiting[waiter] = continuation
    }

    /// A waiter that was cancelled waits no longer.
    private func leave(_ waiter: Int, _ question: String) {
        guard let continuation = asking[ByteName(question)]?.waiting.removeValue(forKey: waiter) else { return }
        if let request = asking[ByteName(question)], request.waiting.isEmpty {
            asking[ByteName(question)] = nil
            request.task.cancel()
        }
        continuation.resume(throwing: CancellationError())
    }

    /// How many wait for the answer to a question, e.g. `get key`.
    public func waiting(_ question: String) -> Int { asking[ByteName(question)]?.waiting.count ?? 0 }

    private func end(_ number: Int, _ question: String, _ result: Result<Answer, any Error>) {
        // Where all have left, and others have asked anew, it is not this answer that they wait for.
        guard let request = asking[ByteName(question)], request.number == number else { return }
        asking[ByteName(question)] = nil
        if case .success(let answer) = result {
            answers[ByteName(question)] = answer
            if kept == nil, let body = Self.body(question, answer) { unsaved.append(Self.line(body)) }
        }
        for continuation in request.waiting.values { continuation.resume(with: result) }
    }

    private static func ask(_ question: String, _ store: any ObjectStore) async throws -> Answer {
        // By bytes: a name may begin with a mark that would join the blank before it.
        if question.hasBytePrefix("list ") { return .listing(try await store.list(question.droppingBytes(5))) }
        let key = question.droppingBytes(4)
        guard let object = try await store.get(key, range: nil, maximumBytes: maximumBytes) else { return .text(nil) }
        return .text(String(decoding: object.bytes.array, as: UTF8.self))
    }

    /// Writes what is new.
    public func save() async throws {
        guard !isSaving, !unsaved.isEmpty else { return }
        isSaving = true
        defer { isSaving = false }
        // The empty line ends whatever a kill has torn.
        let text = "\n" + unsaved.joined()
        unsaved = []
        let (state, path) = (state, path)
        try await ThreadPool.files.run { () throws(LedgerError) in try state.append(Array(text.utf8), to: path) }
    }

    /// Asks again what nobody has asked on this refresh, so that no old answer stays, and writes all of it where something is new.
    ///
    /// - Returns: whether something is.
    @discardableResult
    public func finishRefresh() async throws -> Bool {
        guard let kept else { return false }
        let rest = kept.keys.filter { answers[$0] == nil }.sorted()
        _ = try await concurrentMap(rest) { question in _ = try await self.answer(question.text) }
        var bodies: [ByteName: String] = [:]
        for (question, answer) in answers { bodies[question] = Self.body(question.text, answer) }
        guard bodies != kept else { return false }
        let lines = bodies.sorted { $0.key < $1.key }.map { Self.line($0.value) }
        let text = Self.header(of: store) + "\n" + lines.joined()
        let (state, path) = (state, path)
        try await ThreadPool.files.run { () throws(LedgerError) in try state.write(Array(text.utf8), to: path) }
        self.kept = bodies
        return true
    }

    // MARK: Lines

    private static func header(of store: any ObjectStore) -> String { header(of: store.url) }
    private static func header(of url: StoreURL) -> String {
        JSONValue.object(["source": .string(url.description), "version": 1]).canonicalText
    }

    /// Whether a store has ever answered this state: a file of answers has more than its head. Blocks.
    public static func hasAnswers(of url: StoreURL, in state: ConfinedFolder) -> Bool {
        let head = header(of: url).utf8.count + 1
        let names = (try? state.list("metadata")) ?? []
        return names.contains { (try? state.fileSize("metadata/\($0)") ?? 0) ?? 0 > head }
    }

    private static func line(_ body: String) -> String { "\(LineChecksum.digits(of: body.utf8)) \(body)\n" }

    /// What a line says; nil where it is torn or damaged. One of an earlier version begins with a brace, and has no checksum.
    private static func body(ofLine line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if line.first == UInt8(ascii: "{") { return line }
        return LineChecksum.checked(line)
    }

    /// nil for an answer that is not kept.
    private static func body(_ question: String, _ answer: Answer) -> String? {
        var value: [String: JSONValue] = ["ask": .string(question)]
        switch answer {
        case .text(let text?):
            // What is no JSON is not worth keeping: it will be asked for again, and may be mended by then.
            guard (try? JSONValue(parsing: text.utf8)) != nil else { return nil }
            value["text"] = .string(text)
        case .text(nil):
            value["text"] = .null
        case .listing(let listing):
            value["folders"] = .array(listing.prefixes.map { .string($0) })
            value["objects"] = .array(listing.objects.map { .string($0.name) })
            if !listing.refused.isEmpty { value["refused"] = .array(listing.refused.map { .string($0) }) }
        }
        return JSONValue.object(value).canonicalText
    }

    private static func answer(from value: JSONValue) -> Answer? {
        if let folders = value["folders"]?.array, let objects = value["objects"]?.array {
            return .listing(
                Listing(
                    prefixes: folders.compactMap(\.string),
                    objects: objects.compactMap(\.string).map { ListedObject(name: $0, size: nil, etag: nil) },
                    refused: (value["refused"]?.array ?? []).compactMap(\.string)))
        }
        guard let text = value["text"] else { return nil }
        return .text(text.string)
    }
}
