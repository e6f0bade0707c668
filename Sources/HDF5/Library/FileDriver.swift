internal import CHDF5
internal import Glibc

/// The layer below libhdf5 that does the reading and writing: plain `pread` and `pwrite` on a ``DriverFile``, no locks
/// (NFS and Lustre), no second file, and never a failed write.
enum FileDriver {
    private typealias File = UnsafeMutablePointer<cristae_driver_file_t>

    /// Registers the driver and returns its identifier, negative on failure.
    static func register() -> hid_t {
        var driver = cristae_driver_class()
        driver.open = { _, _, properties, _ in FileDriver.open(properties) }
        driver.close = { FileDriver.close($0) }
        driver.query = { _, flags in
            flags?.pointee = cristae_driver_features()
            return 0
        }
        driver.get_eoa = { file, _ in haddr_t(FileDriver.state(file).endOfAllocation) }
        driver.set_eoa = { file, _, address in
            FileDriver.state(file).endOfAllocation = UInt64(address)
            return 0
        }
        driver.get_eof = { file, _ in haddr_t(FileDriver.state(file).endOfFile) }
        driver.read = { file, type, _, address, size, buffer in
            let state = FileDriver.state(file)
            guard let address = UInt64(exactly: address), address <= UInt64(Int64.max) else { return -1 }
            let target = UnsafeMutableRawBufferPointer(start: buffer, count: size)
            let isElements = type == H5FD_MEM_DRAW || type == H5FD_MEM_GHEAP
            let isRead =
                isElements ? state.readElements(into: target, at: address) : state.read(into: target, at: address)
            return isRead ? 0 : -1
        }
        driver.write = { file, _, _, address, size, buffer in
            FileDriver.state(file).write(UnsafeRawBufferPointer(start: buffer, count: size), at: UInt64(address))
            return 0
        }
        driver.truncate = { file, _, _ in
            FileDriver.state(file).truncate()
            return 0
        }
        return H5FDregister(&driver)
    }

    /// Makes file access properties open `file`, once.
    static func set(_ file: DriverFile, on properties: hid_t, _ call: Call) throws(HDF5Error) {
        var state: UnsafeMutableRawPointer? = Unmanaged.passUnretained(file).toOpaque()
        try call.check(H5Pset_driver(properties, HDF5Library.session.driver, &state))
    }

    private static func open(_ properties: hid_t) -> UnsafeMutablePointer<H5FD_t>? {
        guard let information = H5Pget_driver_info(properties),
            let pointer = information.load(as: UnsafeMutableRawPointer?.self)
        else { return nil }
        let state = Unmanaged<DriverFile>.fromOpaque(pointer)
        // The library opens a second time only to follow a link into another file. That is refused.
        guard !state.takeUnretainedValue().isAttached,
            let memory = calloc(1, MemoryLayout<cristae_driver_file_t>.stride)
        else { return nil }
        let file = memory.bindMemory(to: cristae_driver_file_t.self, capacity: 1)
        file.pointee.state = state.retain().toOpaque()
        state.takeUnretainedValue().isAttached = true
        return memory.assumingMemoryBound(to: H5FD_t.self)
    }

    private static func close(_ file: UnsafeMutablePointer<H5FD_t>?) -> herr_t {
        guard let file else { return -1 }
        let memory = UnsafeMutableRawPointer(file)
        guard let pointer = memory.assumingMemoryBound(to: cristae_driver_file_t.self).pointee.state else { return -1 }
        let state = Unmanaged<DriverFile>.fromOpaque(pointer).takeRetainedValue()
        state.closeDescriptor()
        state.isAttached = false
        free(memory)
        return 0
    }

    /// The file of the library's pointer, which `open` has made.
    private static func state(_ file: UnsafePointer<H5FD_t>?) -> DriverFile {
        guard let file,
            let pointer = UnsafeRawPointer(file).assumingMemoryBound(to: cristae_driver_file_t.self).pointee.state
        else { preconditionFailure("the library calls the driver without a file") }
        return Unmanaged<DriverFile>.fromOpaque(pointer).takeUnretainedValue()
    }
}
