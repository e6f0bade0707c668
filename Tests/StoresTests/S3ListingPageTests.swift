import Elements
import Testing

@testable import Stores

@Suite struct S3ListingPageTests {
    private func page(_ inside: String, folder: String = "") throws -> ListingPage {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\(inside)</ListBucketResult>

            """
        return try S3ListingPage.read(ByteBuffer(text), folder: folder)
    }

    @Test func readsAPage() throws {
        let page = try page(
            """
            <Name>b</Name><Prefix>a%2Fb+c/</Prefix><KeyCount>3</KeyCount><MaxKeys>3</MaxKeys><Delimiter>/</Delimiter>
            <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
            <NextContinuationToken>1ueG+/= </NextContinuationToken>
            <Contents><Key>a/b+c/</Key><Size>0</Size></Contents>
            <Contents><Key>a/b+c/.zattrs</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>
              <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>12</Size></Contents>
            <Contents><Key>a/b+c/x%2By+%C3%A9</Key><ETag>abc-2</ETag><Size>5000000000</Size></Contents>
            <CommonPrefixes><Prefix>a/b+c/s0/</Prefix></CommonPrefixes>
            """, folder: "a/b c/")
        #expect(page.prefixes == ["s0"])
        #expect(
            page.objects == [
                ListedObject(name: ".zattrs", size: 12, etag: "d41d8cd98f00b204e9800998ecf8427e"),
                ListedObject(name: "x+y é", size: 5_000_000_000, etag: "abc-2"),
            ])
        #expect(page.next == "1ueG+/= ")
    }

    @Test func decodesOnlyWhatIsEncoded() throws {
        let page = try page("<Contents><Key>a+b%20</Key><Size>1</Size></Contents><IsTruncated>false</IsTruncated>")
        #expect(page.objects.map(\.name) == ["a+b%20"])
        #expect(page.next == nil)
    }

    @Test func keepsBlanksOfNames() throws {
        let page = try page("<Contents>\n<Key> a </Key>\n<Size>1</Size>\n</Contents>")
        #expect(page.objects.map(\.name) == [" a "])
    }

    @Test func dropsHostileNames() throws {
        let names = ["..", ".", "", "/etc/passwd", "a%00b", "a%0Ab", "%2E%2E", "%2Fabs", "good", "%ff", "b%"]
        let contents = names.map { "<Contents><Key>p/\($0)</Key><Size>1</Size></Contents>" }.joined()
        let prefixes = ["p/../", "p//", "q/x/", "p/", "/", "p/ok/", "p/a/b/", "p/..%2F..%2Fx/"].map {
            "<CommonPrefixes><Prefix>\($0)</Prefix></CommonPrefixes>"
        }.joined()
        let page = try page("<EncodingType>url</EncodingType>\(contents)\(prefixes)<CommonPrefixes/>", folder: "p/")
        #expect(page.objects.map(\.name) == ["good"])
        #expect(page.prefixes == ["ok"])
    }

    @Test func toleratesServersWithoutDelimiter() throws {
        let page = try page(
            "<Contents><Key>p/s0/0/0</Key><Size>-1</Size></Contents><Contents><Key>p/x</Key></Contents>", folder: "p/")
        #expect(page.prefixes == ["s0"])
        #expect(page.objects == [ListedObject(name: "x", size: nil, etag: nil)])
    }

    @Test func readsAnEmptyPage() throws {
        #expect(try page("<Name>b</Name>") == ListingPage())
    }

    @Test(arguments: [
        "", "<", "<html><body>hello</body></html>", "not xml", "<ListBucketResult><Contents></ListBucketResult>",
        "<!DOCTYPE x [<!ENTITY a \"aa\">]><ListBucketResult><Name>&a;</Name></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    ])
    func refuses(text: String) {
        let error = #expect(throws: S3ListingPage.Unreadable.self) {
            try S3ListingPage.read(ByteBuffer(text), folder: "")
        }
        #expect(error?.code == .malformedListing)
    }

    /// Names are bytes: a mark behind a slash, or one letter written in two ways.
    @Test func namesAreBytes() throws {
        let names = ["caf\u{E9}", "cafe\u{301}", "\u{301}x"]
        let contents = names.map { "<Contents><Key>p/\($0)</Key></Contents>" }.joined()
        let prefixes = names.map { "<CommonPrefixes><Prefix>p/\($0)/</Prefix></CommonPrefixes>" }.joined()
        let page = try page(contents + prefixes, folder: "p/")
        #expect(page.objects.map { Array($0.name.utf8) } == names.map { Array($0.utf8) })
        #expect(page.prefixes.map { Array($0.utf8) } == names.map { Array($0.utf8) })
        let listing = Listing(prefixes: page.prefixes, objects: page.objects)
        #expect(listing.prefixes.count == 3 && listing.objects.count == 3)
        #expect(!ObjectKey.isName("/\u{301}x"))
        #expect(ObjectKey.isName("\u{301}x"))
        // What climbs is found behind a mark, too.
        #expect(throws: StoreError.self) { try ObjectKey.check("a/\u{301}/../../b", in: .sample) }
        #expect(try StoreURL("s3://b/p/\u{301}x").url(of: "k") == "s3://b/p/\u{301}x/k")
        #expect(try StoreURL("s3://b/caf\u{E9}") != StoreURL("s3://b/cafe\u{301}"))
    }

    @Test func hostileXMLIsBounded() throws {
        let deep = String(repeating: "<a>", count: 13_000) + String(repeating: "</a>", count: 13_000)
        let wide = "<a " + (0..<200_000).map { "a\($0)=\"1\"" }.joined(separator: " ") + "/>"
        let long = "<a>" + String(repeating: "x", count: 1 << 20) + "</a>"
        for text in [
            deep, wide, long, String(repeating: "<a>", count: 100_000), "<\(String(repeating: "n", count: 9999))/>",
        ] {
            let start = ContinuousClock.now
            let error = #expect(throws: S3ListingPage.Unreadable.self) { try page(text) }
            #expect(error?.code == .malformedListing)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
        // Many small tags with attributes are fine.
        let many = String(repeating: "<Owner a='>' b=\"<\"><ID>x</ID></Owner>", count: 50_000)
        #expect(try page(many + "<Contents x=\"/\"><Key>k</Key></Contents>").objects.map(\.name) == ["k"])
    }

    @Test(arguments: [
        ("<Contents><Key><![CDATA[a<b]]>&amp;&#65;&#x42;</Key></Contents>", "a<b&AB"),
        ("<!-- <Contents/> --><s3:Contents xmlns:s3=\"x\"><s3:Key>k</s3:Key ></s3:Contents>", "k"),
        ("<?pi <Contents>?><Contents><Owner><Key>no</Key></Owner><Key>k</Key></Contents>", "k"),
    ])
    func readsAllOfXML(text: String, name: String) throws {
        #expect(try page(text).objects.map(\.name) == [name])
    }

    @Test(arguments: [
        "<Contents><Key>&foo;</Key></Contents>", "<Contents><Key>a</Contents></Key>", "<Contents a=\"1\" <Key/>",
        "<Contents><Key>&#xD800;</Key></Contents>", "<Contents></>", "&amp", "</ListBucketResult><x>",
    ])
    func malformedXMLIsRefused(text: String) {
        #expect(throws: S3ListingPage.Unreadable.self) { try page(text) }
    }

    @Test func aTornPageIsWorthAnotherTry() {
        let error = #expect(throws: S3ListingPage.Unreadable.self) {
            try S3ListingPage.read(ByteBuffer("<ListBucketResult><Contents><Key>a</Ke"), folder: "")
        }
        #expect(error?.code == .shortBody)
    }
}

@Suite struct IndexTests {
    @Test func readsNginxJSON() {
        let text = """
            [ {"name": "s0", "type": "directory", "mtime": "x"}, {"name": "..", "type": "directory"},
              {"name": ".zattrs", "type": "file", "size": 7}, {"name": "a/b", "type": "file", "size": 7}, 3,
              {"name": "n", "type": "file", "size": -7}, {"name": "dev", "type": "other"} ]
            """
        let page = JSONIndex.read(ByteBuffer(text))
        #expect(page?.prefixes == ["s0"])
        #expect(page?.objects.map(\.name) == [".zattrs", "n"])
        #expect(page?.objects.map(\.size) == [7, nil])
        #expect(JSONIndex.read(ByteBuffer("[1, ")) == nil)
        #expect(JSONIndex.read(ByteBuffer("<a>")) == nil)
    }

    @Test(arguments: [
        // nginx
        "<h1>Index of /d/</h1><pre><a href=\"../\">../</a>\n<a href=\"s0/\">s0/</a> - <a href=\"a%20b%26c\">a b&amp;c</a>",
        // Apache
        "<tr><th><a href=\"?C=N;O=D\">Name</a></th></tr><a href=\"/\">Parent Directory</a><A class=x HREF='s0/'>s0</A>"
            + "<a href=\"a%20b&amp;c\">x</a>",
        // python -m http.server, absolute links of others
        "<li><a href=\"/d/s0/\">s0/</a></li><li><a href=./a%20b%26c>y</a></li>",
        "<a href=\"http://h:1/d/s0/\">s0</a><a href=\"http://h:1/d/a%20b&amp;c\">y</a>",
        // hostile
        "<a href=\"%2e%2e/\"></a><a href=\"..%2f..%2fetc\"></a><a href=\"/etc/passwd\"></a><a href=\"//evil/x\"></a>"
            + "<a href=\"javascript:x\"></a><a href=\"http://evil/d/x\"></a><a href=\"http://h:12/d/x\"></a><a href=\"x%00\"></a>"
            + "<a href=\"s0/0/1\"></a><a href=\"\"></a><a href></a><a href=\"/d/\"></a><a href=\"#x\"></a><a href=\"x%ff\">"
            + "<a href=s0/></a><a  title='href' href = \"a b&amp;c\" ></a><a href=\"/d/../x\"></a><a href=\"unclosed",
    ])
    func readsHTML(text: String) {
        let page = HTMLIndex.read(ByteBuffer(text), address: "http://h:1/d/")
        #expect(Listing(prefixes: page?.prefixes ?? []).prefixes == ["s0"])
        #expect((page?.objects.map(\.name) ?? []).filter { $0 != "unclosed" } == ["a b&c"])
    }

    @Test func anyOtherPageIsNoIndex() {
        #expect(HTMLIndex.read(ByteBuffer("plain text"), address: "http://h/") == nil)
        #expect(HTMLIndex.read(ByteBuffer("<html>Welcome</html>"), address: "http://h/") == nil)
        #expect(HTMLIndex.read(ByteBuffer("<title>Index of /</title>"), address: "http://h/") == ListingPage())
    }
}
