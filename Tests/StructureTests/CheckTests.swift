import Testing

/// Small made-up trees that each check must find fault with, or not.
@Suite struct CheckTests {
    @Test func aCircleOfFoldersIsFound() {
        let tree = SourceTree([
            "T/A/One.swift": "public struct One {\n    let two: Two\n}\n",
            "T/B/Two.swift": "struct Two {\n    let three: [Three]\n}\n",
            "T/C/Three.swift": "enum Three {\n    static func one() -> One? { nil }\n}\n",
            "T/D/Four.swift": "struct Four { let one: One }\n",
        ])
        #expect(FolderUses(of: "T", in: tree).circles == ["T: A -> B: Two; B -> C: Three; C -> A: One"])
    }

    @Test func foldersThatOnlyUseEachOtherOneWayAreFine() {
        let tree = SourceTree([
            "T/A/One.swift": "struct One { let two: Two }\n",
            "T/B/Two.swift": """
            /// As ``One``.
            struct Two { /* One */ let name = "One" }
            private struct Five { struct One {}\n    let one: One, other: Other.One }
            """,
            // The root may use the folders.
            "T/Root.swift": "struct Root { let one: One }\n",
            "T/B/Use.swift": "struct Use { let root: Root }\n",
            // Another target's type of the same name.
            "U/A/One.swift": "struct Two {}\n",
        ])
        #expect(FolderUses(of: "T", in: tree).circles == [])
    }

    @Test func whatIsInterpolatedIsCode() {
        let text = ##"""
            let a = "One \(Two.name(")") + "\(Three())") Four", b = #"\(Five) \#(Six)"#, c = ""
            let d = """
                Seven "quoted" \(Eight)
                """ + Nine
            """##
        let names = TypeNames(in: Array(text.utf8))
        #expect(names.used == ["Two", "Three", "Six", "Eight", "Nine"])
    }

    @Test func namesAreTakenForWhatTheyAre() {
        let text = """
            @MainActor public final class Known<Part: Sendable>: Other {
                struct Inner {}
                typealias Short = [Long]
                let a: Part, b: Module.Type
            }
            private enum Hidden {}
            """
        let names = TypeNames(in: Array(text.utf8))
        #expect(names.defined == ["Known"])
        #expect(names.own == ["Part", "Inner", "Short", "Hidden"])
        #expect(names.used == ["MainActor", "Sendable", "Other", "Long", "Part", "Module"])
    }

    @Test func sizesAreCounted() {
        let tree = SourceTree(["T/A.swift": "1\n2\n3\n", "T/B.swift": "1\n2\n", "U/C.swift": "1\n2\n3\n"])
        #expect(tree.targets(above: 4) == ["T has 5 lines"])
        #expect(tree.files(above: 2) == ["T/A.swift has 3 lines", "U/C.swift has 3 lines"])
        #expect(tree.targets(above: 5) == [] && tree.files(above: 3) == [])
    }

    @Test func modulesOfCAreCounted() {
        let tree = SourceTree([
            "COne/module.modulemap": "", "CTwo/module.modulemap": "", "CThree/shim.h": "",
            "T/A.swift": "internal import COne\nimport CTwo\n", "U/B.swift": "@preconcurrency import COne\n",
        ])
        #expect(tree.sharedModules == ["COne is imported by T, U", "CThree is imported by no target"])
    }

    @Test func repeatedLinesAreFound() {
        let lines = (1...6).map { "    let value\($0) = \($0)" }
        let first = ["import A", "func f() {"] + lines + ["}"]
        // Comments, imports, empty lines and braces do not break a run.
        let second =
            ["func g() {", lines[0], "// A comment.", "", "    }", "import B"] + lines.dropFirst() + ["    h()"]
        let tree = SourceTree([
            "T/A.swift": first.joined(separator: "\n"), "T/B.swift": second.joined(separator: "\n"),
        ])
        #expect(RepeatedLines(of: 6, in: tree).runs == ["6 equal lines: T/A.swift:3 and T/B.swift:2"])
        #expect(RepeatedLines(of: 5, in: tree).runs == ["6 equal lines: T/A.swift:3 and T/B.swift:2"])
        #expect(RepeatedLines(of: 7, in: tree).runs == [])
    }

    @Test func theTopLevelIsCompared() {
        let planned = ["Package.swift", "Sources", "Tests", "Containerfile", "slurm", "config.json", "README.md"]
        #expect(StructureTests.strangers(among: planned + [".git", "out"], ignored: "/out/\n") == [])
        #expect(
            StructureTests.strangers(among: planned.dropLast() + ["docs", "out"], ignored: "")
                == ["README.md", "docs", "out"])
    }
}
