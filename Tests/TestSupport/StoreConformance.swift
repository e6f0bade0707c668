package import Elements
package import Stores

/// What every store must do, checked on a store that holds known objects.
package struct StoreConformance {
    /// All objects below the store's URL.
    private let objects: [ByteName: [UInt8]]
    /// Keys in the order of their bytes.
    private var keys: [String] { objects.keys.sorted().map(\.text) }

    package init(objects: [ByteName: [UInt8]]) { self.objects = objects }

    /// Objects that a store may find hard: empty, large, with names that are escaped in URLs, XML, HTML or JSON.
    package static let hardObjects: [ByteName: [UInt8]] = {
        let names = [
            ".zattrs", "empty", "a/b/0.0", "a/b/0.1", "a/b-c", "a/b c/+%41", "a/e\u{301}", "a/\u{E9}", "a/\u{301}x/k",
            "a/q\"'&<>", "a/#?=;,@:$!*()", "c/0/0/0", "c/0/0/1", "c/0/10/0", "c/0/2/0", "\u{1F9E0}/\u{4E2D}",
        ]
        var random = SplitMix(seed: 3)
        return Dictionary(
            uniqueKeysWithValues: names.map { name in
                let count = name == "empty" ? 0 : name == "a/b/0.1" ? 70_000 : 1 + random.below(300)
                return (ByteName(name), (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            })
    }()

    /// One line for each thing that the store does wrong; empty where it does all of it well.
    package func complaints(about store: any ObjectStore) async -> [String] {
        var found: [String] = []
        for key in keys {
            await found += getting(key, bytes(key), store)
            await found += metadata(of: key, bytes(key), store)
        }
        await found += missing(store)
        await found += refusals(store)
        await found += listings(store)
        await found += pages(store)
        return found
    }

    private func bytes(_ key: String) -> [UInt8] { objects[ByteName(key)] ?? [] }

    // MARK: Objects

    /// Which part of which bytes is wanted, and what should come: nil stands for an error of this code.
    private func getting(_ key: String, _ body: [UInt8], _ store: any ObjectStore) async -> [String] {
        let count = body.count
        var parts: [(part: ObjectPart, wanted: [UInt8]?)] = [
            (.whole, body), (.range(count..<count + 1), nil), (.range(count + 7..<count + 9), nil),
            (.range(0..<0), nil), (.suffix(0), nil),
        ]
        if count > 0 {
            parts += [
                (.range(0..<1), [body[0]]), (.range(count - 1..<count), [body[count - 1]]), (.range(0..<count), body),
                (.range(count / 2..<count + 9), Array(body[(count / 2)...])), (.suffix(1), [body[count - 1]]),
                (.suffix(count), body), (.suffix(count + 9), body),
            ]
        }
        var found: [String] = []
        for (part, wanted) in parts {
            do throws(StoreError) {
                let object = try await store.get(key, part: part, maximumBytes: count + 9)
                if object?.bytes.array != wanted { found.append("\(key): other bytes for \(part)") }
                if let size = object?.objectByteCount, size != count {
                    found.append("\(key): \(size) bytes, not \(count)")
                }
            } catch {
                if wanted != nil || error.code != .badRequest { found.append("\(key): \(part): \(error)") }
            }
        }
        do throws(StoreError) {
            let whole = try await store.get(key, part: .whole, maximumBytes: count)
            if whole == nil { found.append("\(key): nothing where just as many bytes are allowed") }
        } catch {
            found.append("\(key): just as many bytes are refused: \(error)")
        }
        for part in count > 1 ? [ObjectPart.whole, .range(0..<count), .suffix(count)] : [] {
            found += await refusal(.tooLarge, "\(key): \(part) with a byte too many") { () throws(StoreError) in
                try await store.get(key, part: part, maximumBytes: count - 1)
            }
        }
        return found
    }

    /// What is told of an object alone must fit what is told with its bytes.
    private func metadata(of key: String, _ body: [UInt8], _ store: any ObjectStore) async -> [String] {
        do throws(StoreError) {
            guard let alone = try await store.head(key).metadata else { return ["\(key): has no mark"] }
            var found: [String] = []
            if !alone.isTelling { found.append("\(key): its mark tells nothing") }
            if let size = alone.byteCount, size != body.count { found.append("\(key): its mark has \(size) bytes") }
            guard let object = try await store.get(key, part: .whole, maximumBytes: body.count) else {
                return found + ["\(key): is not there"]
            }
            if !object.metadata.isSame(as: alone) { found.append("\(key): its mark differs from that of its bytes") }
            return found
        } catch {
            return ["\(key): mark: \(error)"]
        }
    }

    private func missing(_ store: any ObjectStore) async -> [String] {
        var found: [String] = []
        for key in ["nothing", "no/thing/here", (keys.first ?? "x") + "x"] where objects[ByteName(key)] == nil {
            do throws(StoreError) {
                for part in [ObjectPart.whole, .range(0..<1), .suffix(1)] {
                    if try await store.get(key, part: part, maximumBytes: 9) != nil { found.append("\(key): is there") }
                }
                if try await store.head(key).metadata != nil { found.append("\(key): has a mark") }
                if try await store.list(key) != Listing() { found.append("\(key): has a listing") }
            } catch {
                found.append("\(key): that it is missing is an error: \(error)")
            }
        }
        return found
    }

    private func refusals(_ store: any ObjectStore) async -> [String] {
        var found: [String] = []
        for key in [
            "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a\nb", String(repeating: "k", count: 1025),
        ] {
            let shown = key.prefix(20).debugDescription
            found += await refusal(.badKey, "\(shown): get") { () throws(StoreError) in
                try await store.get(key, part: .whole, maximumBytes: 9)
            }
            found += await refusal(.badKey, "\(shown): mark") { () throws(StoreError) in
                try await store.head(key)
            }
            found += await refusal(.badKey, "\(shown): list") { () throws(StoreError) in try await store.list(key) }
        }
        return found
            + (await refusal(.badKey, "an empty key") { () throws(StoreError) in
                try await store.get("", part: .whole, maximumBytes: 9)
            })
    }

    private func refusal(
        _ code: StoreError.Code, _ what: String, _ work: () async throws(StoreError) -> some Any
    ) async -> [String] {
        do throws(StoreError) {
            _ = try await work()
            return ["\(what) is not refused"]
        } catch {
            return error.code == code ? [] : ["\(what): \(error)"]
        }
    }

    // MARK: Listings

    private func listings(_ store: any ObjectStore) async -> [String] {
        var folders: Set<ByteName> = [ByteName("")]
        for key in keys {
            let parts = key.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
            for count in 1..<max(1, parts.count) { folders.insert(ByteName(parts[..<count].joined(separator: "/"))) }
        }
        var found: [String] = []
        for folder in folders.sorted().map(\.text) {
            do throws(StoreError) {
                let listing = try await store.list(folder)
                let wanted = expected(folder)
                if !Self.isSame(listing.prefixes, wanted.prefixes) {
                    found.append("\(folder)/: the folders \(listing.prefixes), not \(wanted.prefixes)")
                }
                if !Self.isSame(listing.objects.map(\.name), wanted.objects.map(\.name)) {
                    found.append("\(folder)/: the objects \(listing.objects.map(\.name))")
                }
                for (object, other) in zip(listing.objects, wanted.objects) where object.size != other.size {
                    if let size = object.size { found.append("\(folder)/\(object.name): listed with \(size) bytes") }
                }
                if !listing.refused.isEmpty { found.append("\(folder)/: refuses \(listing.refused)") }
            } catch {
                found.append("\(folder)/: \(error)")
            }
        }
        return found
    }

    private func expected(_ folder: String) -> Listing {
        let start = Array((folder.isEmpty ? "" : folder + "/").utf8)
        var listing = Listing()
        for key in keys where key.utf8.starts(with: start) {
            let rest = Array(key.utf8.dropFirst(start.count))
            let name = String(decoding: rest.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self)
            if name.utf8.count < rest.count {
                listing.prefixes.append(name)
            } else {
                listing.objects.append(ListedObject(name: name, size: bytes(key).count, etag: nil))
            }
        }
        return Listing(prefixes: listing.prefixes, objects: listing.objects)
    }

    /// Pages of all objects, from a store that can list so.
    private func pages(_ store: any ObjectStore) async -> [String] {
        do throws(StoreError) {
            var found: [String] = []
            var listed: [String] = []
            var token: String?
            repeat {
                guard let page = try await store.objects(below: "", after: token) else { return [] }
                for (key, mark) in page.objects {
                    listed.append(key)
                    if mark.byteCount != objects[ByteName(key)]?.count {
                        found.append("\(key): on a page with another size")
                    }
                }
                token = page.next
            } while token != nil && listed.count <= keys.count
            if !Self.isSame(listed, keys) { found.append("the pages have \(listed)") }
            return found
        } catch {
            return ["pages: \(error)"]
        }
    }

    /// Whether the names are the same by their bytes; Swift takes "é" for the same as "e" with an accent.
    private static func isSame(_ some: [String], _ others: [String]) -> Bool {
        some.map(ByteName.init) == others.map(ByteName.init)
    }
}
