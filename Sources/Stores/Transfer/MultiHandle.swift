internal import CCurl
internal import Glibc

/// Owns a libcurl multi handle and waits for its sockets.
///
/// Sockets are handled one by one. A finished transfer sends its next request at once, while bytes of other sockets are still unread.
/// `curl_multi_perform` reads all sockets first, so that requests and answers come in bursts with idle time between them.
///
/// A class, since libcurl keeps a pointer to it. All but ``wake()`` is for one thread.
final class MultiHandle {
    /// The most ready sockets taken at a time.
    private static let mostEvents = 64
    private static let mostMilliseconds = 10_000

    private let multi: UnsafeMutableRawPointer
    private let epoll: Int32
    private let wakeUp: Int32
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: mostEvents)
    /// The sockets that libcurl waits for just now.
    private var watched: Set<Int32> = []
    /// When libcurl wants to be called, in milliseconds of the monotonic clock.
    private var deadline: Int?

    /// - Returns: nil when libcurl has no memory, or the process no file descriptors.
    init?() {
        guard let multi = curl_multi_init() else { return nil }
        self.multi = multi
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard epoll >= 0, wakeUp >= 0, watch(wakeUp, EPOLLIN.rawValue) else { return nil }
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = cristae_curl_multi_on_socket(
            multi,
            { _, socket, what, context, _ in
                guard let context else { return 0 }
                Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue().watch(socket, for: what)
                return 0
            }, context)
        _ = cristae_curl_multi_on_timer(
            multi,
            { _, milliseconds, context in
                guard let context else { return 0 }
                Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue().call(in: milliseconds)
                return 0
            }, context)
    }

    deinit {
        // Still calls back for the sockets that it closes.
        curl_multi_cleanup(multi)
        if epoll >= 0 { close(epoll) }
        if wakeUp >= 0 { close(wakeUp) }
        events.deallocate()
    }

    func set(_ option: CURLMoption, _ value: Int) { _ = cristae_curl_multi_set_long(multi, option, value) }

    /// Takes a transfer in; ``run(_:)`` starts it.
    func add(_ easy: UnsafeMutableRawPointer) -> Bool { curl_multi_add_handle(multi, easy) == CURLM_OK }

    func remove(_ easy: UnsafeMutableRawPointer) { curl_multi_remove_handle(multi, easy) }

    /// A transfer that has ended, and how.
    func nextDone() -> (easy: UnsafeMutableRawPointer, result: CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            return (easy, cristae_curl_result(message))
        }
        return nil
    }

    /// Wakes ``run(_:)``, from any thread.
    func wake() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, MemoryLayout<UInt64>.size)
    }

    /// Waits for an event or a new transfer, and drives all transfers that are ready.
    ///
    /// - Parameter step: called after each transfer that may have ended, so that its end is handled before the next socket is read.
    func run(_ step: () -> Void) {
        let milliseconds = deadline.map { max(0, min($0 - Self.now, Self.mostMilliseconds)) } ?? Self.mostMilliseconds
        let count = epoll_wait(epoll, events, Int32(Self.mostEvents), Int32(milliseconds))
        for index in 0..<max(0, Int(count)) {
            let event = events[index]
            guard event.data.fd != wakeUp else {
                var number: UInt64 = 0
                _ = read(wakeUp, &number, MemoryLayout<UInt64>.size)
                continue
            }
            guard watched.contains(event.data.fd) else {
                epoll_ctl(epoll, EPOLL_CTL_DEL, event.data.fd, nil)
                continue
            }
            // Reading detects a closed connection.
            let mayRead = event.events & ~EPOLLOUT.rawValue != 0
            let mayWrite = event.events & EPOLLOUT.rawValue != 0
            act(event.data.fd, (mayRead ? CURL_CSELECT_IN : 0) | (mayWrite ? CURL_CSELECT_OUT : 0), step)
        }
        if let deadline, deadline <= Self.now { callNow() }
        step()
    }

    private func act(_ socket: Int32, _ what: Int32, _ step: () -> Void) {
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, what, &running)
        step()
        // Requests that the step has added go out before the next socket is read.
        if deadline ?? .max <= 0 { callNow() }
    }

    private func callNow() {
        deadline = nil
        var running: Int32 = 0
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
    }

    // MARK: What libcurl asks for

    private func watch(_ socket: curl_socket_t, for what: Int32) {
        guard what != CURL_POLL_REMOVE else {
            // Stays in epoll, because most sockets are used again at once; it is removed when it next reports an event. epoll drops closed sockets by
            // itself.
            watched.remove(socket)
            return
        }
        let reads = what & CURL_POLL_IN != 0 ? EPOLLIN.rawValue : 0
        let writes = what & CURL_POLL_OUT != 0 ? EPOLLOUT.rawValue : 0
        if watch(socket, reads | writes) { watched.insert(socket) }
    }

    private func watch(_ socket: Int32, _ bits: UInt32) -> Bool {
        var event = epoll_event(events: bits, data: epoll_data_t(fd: socket))
        if epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) == 0 { return true }
        return epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0
    }

    /// - Parameter milliseconds: -1 for never.
    private func call(in milliseconds: Int) {
        deadline = milliseconds < 0 ? nil : milliseconds == 0 ? 0 : Self.now + milliseconds
    }

    private static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
