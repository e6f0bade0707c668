/// The place of a value in the manifest, such as `$.limits.memory` or `$.datasets[2]`; or the flag that gave it.
public struct JSONPath: Sendable, Hashable {
    enum Step: Sendable, Hashable, Comparable {
        case index(Int)
        case key(String)
    }

    /// `$`, or the name of a flag.
    let root: String
    private(set) var steps: [Step] = []

    /// The whole document.
    static let document = JSONPath(root: "$")

    init(root: String) { self.root = root }

    func key(_ name: String) -> JSONPath { appending(.key(name)) }

    func index(_ index: Int) -> JSONPath { appending(.index(index)) }

    /// Whether the place is in the file, and not on the command line or in the environment.
    var isInDocument: Bool { root == JSONPath.document.root }

    private func appending(_ step: Step) -> JSONPath {
        var path = self
        path.steps.append(step)
        return path
    }
}

extension JSONPath: Comparable {
    /// By name, an outer value before what is in it, and elements by number: `[2]` comes before `[10]`.
    public static func < (left: JSONPath, right: JSONPath) -> Bool {
        left.root == right.root ? left.steps.lexicographicallyPrecedes(right.steps) : left.root < right.root
    }
}

extension JSONPath: CustomStringConvertible {
    /// RFC 9535: `.name` where the name is a plain one, `["name"]` elsewhere, control characters escaped.
    public var description: String {
        steps.reduce(into: root) { text, step in
            switch step {
            case .index(let index): text += "[\(index)]"
            case .key(let name) where JSONPath.isPlain(name): text += ".\(name)"
            case .key(let name): text += "[\(QuotedText(name))]"
            }
        }
    }

    private static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.count <= QuotedText.limit
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
