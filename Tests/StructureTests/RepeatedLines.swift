/// Runs of lines that stand in two places.
///
/// Lines are compared without indentation. Empty lines, imports, comments and lines of braces alone do not count.
struct RepeatedLines {
    struct Place: Hashable {
        let file: Int
        /// The number among the lines of the file that count.
        let line: Int

        var next: Place { Place(file: file, line: line + 1) }
        var previous: Place { Place(file: file, line: line - 1) }
    }

    private struct Pair: Hashable {
        let first: Place
        let second: Place
    }

    /// One line for each run, longest first.
    let runs: [String]

    init(of count: Int, in tree: SourceTree) {
        let files = tree.swiftFiles.map { file in (path: file.path, lines: Self.countedLines(file)) }
        var places: [[String]: [Place]] = [:]
        for (number, file) in files.enumerated() where file.lines.count >= count {
            let lines = file.lines.map(\.text)
            for line in 0...(lines.count - count) {
                places[Array(lines[line..<line + count]), default: []].append(Place(file: number, line: line))
            }
        }
        var pairs: Set<Pair> = []
        for found in places.values where found.count > 1 {
            for (index, first) in found.enumerated() {
                for second in found[(index + 1)...] { pairs.insert(Pair(first: first, second: second)) }
            }
        }
        var runs: [(length: Int, text: String)] = []
        for pair in pairs where !pairs.contains(Pair(first: pair.first.previous, second: pair.second.previous)) {
            var (last, length) = (pair, count)
            while pairs.contains(Pair(first: last.first.next, second: last.second.next)) {
                last = Pair(first: last.first.next, second: last.second.next)
                length += 1
            }
            let names = [pair.first, pair.second].map { place in
                "\(files[place.file].path):\(files[place.file].lines[place.line].number)"
            }
            runs.append((length, "\(length) equal lines: \(names[0]) and \(names[1])"))
        }
        self.runs = runs.sorted { ($1.length, $0.text) < ($0.length, $1.text) }.map(\.text)
    }

    private static func countedLines(_ file: SourceTree.File) -> [(number: Int, text: String)] {
        let braces = Set("{}()[], ".utf8)
        var counted: [(number: Int, text: String)] = []
        for (index, bytes) in file.text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            let start = bytes.drop(while: isSpace)
            guard !start.starts(with: "//".utf8), !start.allSatisfy(braces.contains) else { continue }
            let end = start.lastIndex { !isSpace($0) } ?? start.startIndex
            let text = String(decoding: start[...end], as: UTF8.self)
            if SourceTree.importedModule(text) == nil { counted.append((index + 1, text)) }
        }
        return counted
    }
}
