internal import CCurl
internal import Elements

/// One easy handle with the transfer it is busy with. Only the loop's thread touches it. The handle is used again for
/// the next transfer.
final class TransferSlot {
    private let easy: EasyHandle
    private let counter: TransferCounter
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var sink = BodySink(.whole, maximumBytes: 0)
    private var headers: [String: String] = [:]
    private var headerBytes = 0
    private var refusal: BodySink.Refusal?
    private var isSatisfied = false
    private var pace = TransferPace(settings: nil)
    private(set) var job: TransferJob?
    /// Bytes received since the last look.
    private(set) var newBytes = 0

    private static let keptHeaders: Set<String> = [
        "etag", "last-modified", "date", "content-length", "content-range", "content-type", "retry-after", "location",
        "content-encoding", "x-amz-request-id", "x-amz-bucket-region", "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-customer-algorithm",
    ]
    private static let maximumHeaderBytes = 256 << 10

    init?(counter: TransferCounter) {
        guard let easy = EasyHandle() else { return nil }
        self.easy = easy
        self.counter = counter
    }

    deinit { curl_slist_free_all(headerList) }

    var pointer: UnsafeMutableRawPointer { easy.pointer }

    /// Prepares the handle for `job`.
    func start(_ job: TransferJob, settings: TransferLoop.Settings) {
        let request = job.request
        self.job = job
        sink = BodySink(request.part, maximumBytes: request.maximumBytes)
        headers = [:]
        headerBytes = 0
        refusal = nil
        isSatisfied = false
        pace = TransferPace(settings: settings)

        curl_easy_reset(easy.pointer)
        easy.set(CURLOPT_URL, request.url)
        if request.isHead { easy.set(CURLOPT_NOBODY, 1) }
        easy.set(CURLOPT_PATH_AS_IS, 1)
        easy.set(CURLOPT_PROTOCOLS_STR, "http,https")
        easy.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        easy.set(CURLOPT_USERAGENT, "cristae")
        easy.set(CURLOPT_NOSIGNAL, 1)
        easy.set(CURLOPT_TCP_KEEPALIVE, 1)
        easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        easy.set(CURLOPT_BUFFERSIZE, 256 << 10)
        easy.set(CURLOPT_CONNECTTIMEOUT, settings.connectSeconds)
        easy.set(CURLOPT_LOW_SPEED_LIMIT, settings.stallBytesPerSecond)
        easy.set(CURLOPT_LOW_SPEED_TIME, settings.stallSeconds)
        if let file = settings.certificateFile { easy.set(CURLOPT_CAINFO, file) }

        var lines = request.headers.map { "\($0.name): \($0.value)" }
        if let field = request.part.field { lines.append("Range: \(field)") }
        curl_slist_free_all(headerList)
        headerList = nil
        for line in lines { headerList = curl_slist_append(headerList, line) ?? headerList }
        easy.set(CURLOPT_HTTPHEADER, headerList)

        let context = Unmanaged.passUnretained(self).toOpaque()
        easy.set(CURLOPT_WRITEDATA, context)
        easy.set(CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let context else { return 0 }
            let slot = Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue()
            return slot.receive(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
        easy.set(CURLOPT_HEADERDATA, context)
        easy.set(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let context else { return 0 }
            let slot = Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue()
            return slot.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
        counter.addRequest()
    }

    /// The transfer and its answer, after which the slot is free.
    func finish(_ code: CURLcode) -> (job: TransferJob, answer: TransferJob.Answer)? {
        guard let job else { return nil }
        self.job = nil
        defer { sink = BodySink(.whole, maximumBytes: 0) }
        do throws(BodySink.Refusal) {
            if let refusal { throw refusal }
            if code != CURLE_OK, !isSatisfied { throw Self.refusal(code, isConnected: isConnected) }
            // The answer to HEAD announces a body that is never sent.
            if !job.request.isHead, !sink.hasBegun { try begin() }
            let body = job.request.isHead ? ByteBuffer(count: 0) : try sink.finish()
            let response = HTTPResponse(
                status: status, headers: headers, body: body, redirectURL: easy.text(CURLINFO_REDIRECT_URL))
            return (job, .success(response))
        } catch {
            return (job, .failure(job.failure(error.code, error.message, status: status == 0 ? nil : status)))
        }
    }

    /// Frees the slot without an answer.
    func abandon() -> TransferJob? {
        defer {
            job = nil
            sink = BodySink(.whole, maximumBytes: 0)
        }
        return job
    }

    func takeNewBytes() -> Int {
        defer { newBytes = 0 }
        return newBytes
    }

    private var status: Int { easy.number(CURLINFO_RESPONSE_CODE) }
    private var isConnected: Bool { (easy.offset(CURLINFO_PRETRANSFER_TIME_T) ?? 0) > 0 }

    private func begin() throws(BodySink.Refusal) {
        let length = easy.offset(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
        try sink.begin(
            status: status, contentLength: length, contentRange: headers["content-range"].flatMap(ContentRange.init))
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        newBytes += bytes.count
        counter.addBytes(bytes.count)
        do throws(BodySink.Refusal) {
            if !sink.hasBegun { try begin() }
            isSatisfied = try !sink.append(bytes)
            if !isSatisfied { try pace.take(bytes.count, announced: sink.announced) }
            return !isSatisfied
        } catch {
            refusal = error
            return false
        }
    }

    private func receiveHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Self.maximumHeaderBytes else {
            refusal = BodySink.Refusal(
                code: .connection, message: "the answer has more than \(headerBytes) bytes of headers")
            return false
        }
        if bytes.starts(with: "HTTP/".utf8) {
            headers = [:]
            return true
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return true }
        let name = String(decoding: bytes[..<colon].lazy.map { Self.lowercased($0) }, as: UTF8.self)
        if Self.keptHeaders.contains(name) {
            let value = bytes[(colon + 1)...]
            let start = value.firstIndex { !Self.isSpace($0) } ?? value.endIndex
            let end = value.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? start
            headers[name] = String(decoding: bytes[start..<end], as: UTF8.self)
        }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || UInt8(0x09)...UInt8(0x0D) ~= byte }

    /// What a libcurl result means for us.
    private static func refusal(_ code: CURLcode, isConnected: Bool) -> BodySink.Refusal {
        let message = curl_easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue) of libcurl"
        switch code {
        case CURLE_PARTIAL_FILE: return BodySink.Refusal(code: .shortBody, message: "the body ended too early")
        case CURLE_OPERATION_TIMEDOUT where isConnected:
            return BodySink.Refusal(code: .stalled, message: "connected, but next to nothing came")
        case CURLE_OPERATION_TIMEDOUT: return BodySink.Refusal(code: .timeout, message: "no connection in time")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS:
            return BodySink.Refusal(code: .certificate, message: message)
        case CURLE_URL_MALFORMAT: return BodySink.Refusal(code: .badURL, message: message)
        default: return BodySink.Refusal(code: .connection, message: message)
        }
    }
}
