internal import CCurl

/// Owns one libcurl easy handle.
struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer

    /// - Returns: nil when libcurl has no memory.
    init?() {
        guard let pointer = curl_easy_init() else { return nil }
        self.pointer = pointer
    }

    deinit { curl_easy_cleanup(pointer) }

    func set(_ option: CURLoption, _ value: Int) { _ = cristae_curl_set_long(pointer, option, value) }
    func set(_ option: CURLoption, _ value: String) { _ = cristae_curl_set_string(pointer, option, value) }
    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer) {
        _ = cristae_curl_set_pointer(pointer, option, value)
    }
    func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) {
        _ = cristae_curl_set_list(pointer, option, value)
    }
    func set(_ option: CURLoption, _ value: cristae_curl_data_function) {
        _ = cristae_curl_set_function(pointer, option, value)
    }

    func number(_ info: CURLINFO) -> Int {
        var value = 0
        return cristae_curl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
    }

    /// nil where libcurl says -1: not known.
    func offset(_ info: CURLINFO) -> Int? {
        var value: curl_off_t = -1
        guard cristae_curl_get_offset(pointer, info, &value) == CURLE_OK, value >= 0 else { return nil }
        return Int(value)
    }

    func text(_ info: CURLINFO) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard cristae_curl_get_string(pointer, info, &value) == CURLE_OK, let value else { return nil }
        return String(cString: value)
    }
}
