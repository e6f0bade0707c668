internal import Elements
internal import Foundation
internal import JSONText
internal import Ledger
internal import Stores
internal import Threads

/// What the store has said about a dataset's metadata, kept in `state/metadata/<dataset>.jsonl`: each question is asked once, also
/// over kills and re-plans. A line a question; a torn last line is dropped.
///
/// Kept are listings, metadata that are JSON, and "there is no such object"; never a failure. On a refresh everything is asked again, and
/// written only where an answer is another one.
actor AnswerCache {
    private enum Answer: Sendable {
        case text(String?)
        case listing(Listing)
    }

    /// Answers that a kill may lose.
    private static let saveEvery = 64
    /// The largest metadata object that is read, in bytes.
    static let maximumBytes = 16 << 20

    private let store: any ObjectStore
    nonisolated var storeURL: StoreURL { store.url }
    private let state: ConfinedFolder
    private let path: String
    private var answers: [String: Answer] = [:]
    private var asking: [String: Task<Answer, any Error>] = [:]
    private var unsaved: [String] = []
    private var isSaving = false
    /// Whether some answers are from before.
    private let hasKeptAnswers: Bool
    /// On a refresh the lines that are kept, by question; else nil.
    private var kept: [String: String]?

    /// Reads what is known of `dataset` at `store`.
    ///
    /// - Parameter refreshes: whether that is asked again; ``finishRefresh()`` ends it.
    init(dataset: String, store: any ObjectStore, state: ConfinedFolder, refreshes: Bool = false) async throws {
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
            guard let value = try? JSONValue(parsing: line), let question = value["ask"]?.string else { continue }
            if refreshes {
                kept?[question] = String(decoding: line, as: UTF8.self) + "\n"
            } else {
                answers[question] = Self.answer(from: value)
            }
        }
    }

    /// A metadata object; nil where the store has none.
    func text(_ key: String) async throws -> String? {
        guard case .text(let text) = try await answer("get \(key)") else { return nil }
        return text
    }

    /// One level below a folder.
    func list(_ prefix: String) async throws -> Listing {
        guard case .listing(let listing) = try await answer("list \(prefix)") else { return Listing() }
        return listing
    }

    /// One level below a folder, where that has been asked and answered.
    func listed(_ prefix: String) -> Listing? {
        guard case .listing(let listing) = answers["list \(prefix)"] else { return nil }
        return listing
    }

    /// Forgets everything, also what is kept.
    ///
    /// - Returns: whether there were answers from before.
    func forget() async throws -> Bool {
        (answers, unsaved, kept) = ([:], [], kept.map { _ in [:] })
        let (state, path) = (state, path)
        try await ThreadPool.files.run { () throws(LedgerError) in _ = try state.remove(path) }
        return hasKeptAnswers
    }

    private func answer(_ question: String) async throws -> Answer {
        if let known = answers[question] { return known }
        if let task = asking[question] { return try await task.value }
        let store = store
        let task = Task { try await Self.ask(question, store) }
        asking[question] = task
        defer { asking[question] = nil }
        let answer = try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
        answers[question] = answer
        if kept == nil, let line = Self.line(question, answer) { unsaved.append(line) }
        if unsaved.count >= Self.saveEvery { try await save() }
        return answer
    }

    private static func ask(_ question: String, _ store: any ObjectStore) async throws -> Answer {
        if question.hasPrefix("list ") { return .listing(try await store.list(String(question.dropFirst(5)))) }
        let key = String(question.dropFirst(4))
        guard let object = try await store.get(key, range: nil, maximumBytes: maximumBytes) else { return .text(nil) }
        return .text(String(decoding: object.bytes.array, as: UTF8.self))
    }

    /// Writes what is new.
    func save() async throws {
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
    func finishRefresh() async throws -> Bool {
        guard let kept else { return false }
        let rest = kept.keys.filter { answers[$0] == nil }.sorted()
        _ = try await concurrentMap(rest) { question in _ = try await self.answer(question) }
        var lines: [String: String] = [:]
        for (question, answer) in answers { lines[question] = Self.line(question, answer) }
        guard lines != kept else { return false }
        let text = Self.header(of: store) + "\n" + lines.sorted { $0.key < $1.key }.map(\.value).joined()
        let (state, path) = (state, path)
        try await ThreadPool.files.run { () throws(LedgerError) in try state.write(Array(text.utf8), to: path) }
        self.kept = lines
        return true
    }

    // MARK: Lines

    private static func header(of store: any ObjectStore) -> String {
        JSONValue.object(["source": .string(store.url.description), "version": 1]).canonicalText
    }

    private static func line(_ question: String, _ answer: Answer) -> String? {
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
        }
        return JSONValue.object(value).canonicalText + "\n"
    }

    private static func answer(from value: JSONValue) -> Answer? {
        if let folders = value["folders"]?.array, let objects = value["objects"]?.array {
            return .listing(
                Listing(
                    prefixes: folders.compactMap(\.string),
                    objects: objects.compactMap(\.string).map { ListedObject(name: $0, size: nil, etag: nil) }))
        }
        guard let text = value["text"] else { return nil }
        return .text(text.string)
    }
}
