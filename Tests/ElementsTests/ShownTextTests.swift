import Elements
import Testing

@Suite struct ShownTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("é€🔬", "é€🔬"), ("a\u{202E}b", "a\\u202eb"), ("a\u{2066}b\u{2069}", "a\\u2066b\\u2069"),
        ("\u{1B}[2J", "\\u001b[2J"), ("a\nb", "a b"), ("a\r\nb", "a\\u000d b"), ("a\u{7F}\u{9B}b", "a\\u007f\\u009bb"),
        ("a\u{2028}b", "a\\u2028b"), ("a\u{E0001}b", "a\\udb40\\udc01b"), ("\u{FEFF}a", "\\ufeffa"),
    ])
    func oneLineWithNothingHidden(text: String, shown: String) { #expect(ShownText.line(text) == shown) }

    @Test func linesStayLines() { #expect(ShownText.lines("a\n\tb\u{202E}\n") == "a\n\tb\\u202e\n") }
}
