/// A shell pattern for names: `*` is any run of characters, `?` any one, `[a-z]` one of a set, `[!a-z]` (or `[^a-z]`)
/// one outside it. The character after a backslash stands for itself.
///
/// A pattern matches a whole name. A name is not a path: `/` and a leading dot are characters like any other. Characters
/// are Unicode scalars. Upper and lower case differ.
public struct Glob: Sendable, Hashable {
    /// The pattern as it was written.
    public let pattern: String
    private let tokens: [Token]

    private enum Token: Sendable, Hashable {
        case anyRun
        case anyOne
        case one(Unicode.Scalar)
        case set([ClosedRange<Unicode.Scalar>], negated: Bool)

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .anyRun: false
            case .anyOne: true
            case .one(let wanted): scalar == wanted
            case .set(let ranges, let negated): ranges.contains { $0.contains(scalar) } != negated
            }
        }
    }

    /// Reads a pattern.
    ///
    /// - Throws: ``GlobError`` for an empty pattern, a set that is empty, not closed or backwards, a character class such
    ///   as `[:alpha:]`, and a backslash at the end.
    public init(_ pattern: String) throws(GlobError) {
        guard !pattern.isEmpty else { throw GlobError("an empty pattern") }
        self.pattern = pattern
        var rest = pattern.unicodeScalars[...]
        var tokens: [Token] = []
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": if tokens.last != .anyRun { tokens.append(.anyRun) }
            case "?": tokens.append(.anyOne)
            case "[": tokens.append(try Glob.set(&rest))
            case "\\": tokens.append(.one(try Glob.escaped(&rest)))
            default: tokens.append(.one(scalar))
            }
        }
        self.tokens = tokens
    }

    /// Whether the pattern holds a wildcard, so that it may stand for several names.
    public var hasWildcards: Bool {
        tokens.contains { token in
            if case .one = token { false } else { true }
        }
    }

    /// Whether the whole of `name` matches.
    ///
    /// - Complexity: at most O(pattern × name), whatever the pattern: only the last `*` is ever tried again.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.unicodeScalars)
        var position = 0
        var token = 0
        var retry: (token: Int, position: Int)?
        while position < name.count {
            if token < tokens.count, tokens[token] == .anyRun {
                token += 1
                retry = (token, position)
            } else if token < tokens.count, tokens[token].matches(name[position]) {
                token += 1
                position += 1
            } else if let last = retry {
                token = last.token
                position = last.position + 1
                retry = (token, position)
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .anyRun }
    }

    private static func escaped(_ rest: inout Substring.UnicodeScalarView) throws(GlobError) -> Unicode.Scalar {
        guard let scalar = rest.popFirst() else { throw GlobError("a backslash at the end") }
        return scalar
    }

    /// Reads a set; its `[` is already read. A `]` that comes first is a member, as in the shell.
    private static func set(_ rest: inout Substring.UnicodeScalarView) throws(GlobError) -> Token {
        var negated = false
        if rest.first == "!" || rest.first == "^" {
            negated = true
            rest.removeFirst()
        }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let scalar = rest.popFirst() {
            if scalar == "]", !ranges.isEmpty { return .set(ranges, negated: negated) }
            if scalar == "[", let next = rest.first, next == ":" || next == "." || next == "=" {
                throw GlobError("a character class \"[\(next)\"; ranges such as [a-z] are what is known")
            }
            let low = scalar == "\\" ? try escaped(&rest) : scalar
            var high = low
            if rest.first == "-", let after = rest.dropFirst().first, after != "]" {
                rest.removeFirst(2)
                high = after == "\\" ? try escaped(&rest) : after
            }
            guard low <= high else { throw GlobError("a range that runs backwards") }
            ranges.append(low...high)
        }
        throw GlobError("a \"[\" without its \"]\"")
    }
}

extension Glob: CustomStringConvertible {
    public var description: String { pattern }
}

/// Why a text is not a shell pattern.
public struct GlobError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was found, on one line.
    public let description: String

    init(_ description: String) { self.description = description }
}
