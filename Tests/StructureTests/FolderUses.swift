/// Which folders of a target use types of which others.
struct FolderUses {
    let target: String
    /// The types, by the folder that uses them and the folder that has them.
    private let uses: [String: [String: Set<String>]]

    init(of target: String, in tree: SourceTree) {
        let files = tree.swiftFiles.filter { $0.target == target }.map { (file: $0, names: TypeNames(in: $0.text)) }
        var homes: [String: [String]] = [:]
        for (file, names) in files {
            for name in names.defined { homes[name, default: []].append(file.folder) }
        }
        var uses: [String: [String: Set<String>]] = [:]
        for (file, names) in files {
            for name in names.used.subtracting(names.own).subtracting(names.defined) {
                for home in homes[name] ?? [] where home != file.folder {
                    uses[file.folder, default: [:]][home, default: []].insert(name)
                }
            }
        }
        // Files at the root of a target may put its folders together.
        uses[""] = nil
        self.target = target
        self.uses = uses
    }

    /// A line for each circle of folders, with the types that each takes from the others.
    var circles: [String] {
        var found: [String] = []
        var seen: Set<String> = []
        for folder in uses.keys.sorted() where !seen.contains(folder) {
            let circle = reached(from: folder).filter { reached(from: $0).contains(folder) }
            guard circle.count > 1 else { continue }
            seen.formUnion(circle)
            let steps = circle.sorted().flatMap { from in
                (uses[from] ?? [:]).filter { circle.contains($0.key) }.sorted { $0.key < $1.key }.map { to, types in
                    "\(from) -> \(to): \(types.sorted().joined(separator: ", "))"
                }
            }
            found.append("\(target): \(steps.joined(separator: "; "))")
        }
        return found
    }

    /// All folders that `folder` uses, directly or by others; itself too if it is one of them.
    private func reached(from folder: String) -> Set<String> {
        var reached: Set<String> = []
        var ahead = [folder]
        while let next = ahead.popLast() {
            for other in (uses[next] ?? [:]).keys where reached.insert(other).inserted { ahead.append(other) }
        }
        return reached
    }
}
