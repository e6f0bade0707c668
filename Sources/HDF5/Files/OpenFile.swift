internal import CHDF5

/// One open HDF5 file with its datasets.
///
/// `@unchecked Sendable`: it is touched on the HDF5 thread only, by the actor that owns it or, after that is destroyed, by ``FileCloser``.
final class OpenFile: @unchecked Sendable {
    let path: String
    /// Tells this file's dataset handles from those of other files.
    let number: Int
    let disk: DriverFile
    private(set) var datasets: [OpenDataset] = []
    private var handle: Handle?

    /// The identifier of the file.
    var id: hid_t { handle?.id ?? -1 }

    private init(_ handle: consuming Handle, path: String, disk: DriverFile) {
        self.handle = consume handle
        self.path = path
        self.disk = disk
        number = HDF5Library.nextFileNumber()
    }

    /// Makes a new file; it must not exist. `capacity` simulates the size of the disk, in bytes.
    static func create(_ path: String, capacity: UInt64 = .max) throws(HDF5Error) -> OpenFile {
        HDF5Library.start()
        let call = Call("create an HDF5 file", path: path)
        let disk = try DriverFile(creating: path, capacity: capacity, call)
        let access = try accessProperties(disk, call)
        // Object headers with checksums, readable since HDF5 1.8.
        try call.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_V18, H5F_LIBVER_V18))
        let creation = try objectProperties(cristae_H5P_FILE_CREATE(), call)
        let id = H5Fcreate(path, cristae_H5F_ACC_EXCL(), creation.id, access.id)
        do throws(HDF5Error) {
            let file = try OpenFile(call.own(id, H5Fclose), path: path, disk: disk)
            try disk.check(call)
            return file
        } catch {
            disk.isAbandoned = true
            throw error
        }
    }

    static func open(_ path: String) throws(HDF5Error) -> OpenFile {
        HDF5Library.start()
        let call = Call("open an HDF5 file", path: path)
        let disk = try DriverFile(opening: path, call)
        let access = try accessProperties(disk, call)
        return try OpenFile(
            call.own(H5Fopen(path, cristae_H5F_ACC_RDONLY(), access.id), H5Fclose), path: path, disk: disk)
    }

    private static func accessProperties(_ disk: DriverFile, _ call: Call) throws(HDF5Error) -> Handle {
        let access = try call.own(H5Pcreate(cristae_H5P_FILE_ACCESS()), H5Pclose)
        try FileDriver.set(disk, on: access.id, call)
        try call.check(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG))
        return access
    }

    /// Creation properties of a file, group or dataset: no times in the file, attributes and links in the object's header.
    static func objectProperties(_ kind: hid_t, _ call: Call) throws(HDF5Error) -> Handle {
        let properties = try call.own(H5Pcreate(kind), H5Pclose)
        try call.check(H5Pset_obj_track_times(properties.id, false))
        try call.check(H5Pset_attr_phase_change(properties.id, 512, 0))
        if kind != cristae_H5P_DATASET_CREATE() {
            try call.check(H5Pset_link_phase_change(properties.id, 512, 0))
        }
        return properties
    }

    func add(_ dataset: OpenDataset) -> DatasetHandle {
        datasets.append(dataset)
        return DatasetHandle(file: number, index: datasets.count - 1)
    }

    func dataset(_ handle: DatasetHandle, _ call: Call) throws(HDF5Error) -> OpenDataset {
        guard handle.file == number, datasets.indices.contains(handle.index) else {
            throw call.error("the dataset handle belongs to another file")
        }
        return datasets[handle.index]
    }

    /// Flushes and closes the file. Nothing stays open, also after an error.
    func close(_ call: Call) throws(HDF5Error) {
        datasets = []
        guard let handle = handle.take() else { return }
        let isClosed = handle.close()
        try disk.check(call)
        guard isClosed else { throw call.failure() }
        guard !disk.isAttached else { throw call.error("the library keeps the file open") }
    }

    /// Closes the file without writing anything more.
    func abandon() {
        disk.isAbandoned = true
        datasets = []
        _ = handle.take()?.close()
    }
}

/// Closes files on the HDF5 thread whose owners were destroyed without closing them.
actor FileCloser {
    nonisolated var unownedExecutor: UnownedSerialExecutor { HDF5Library.thread.asUnownedSerialExecutor() }

    private static let shared = FileCloser()

    /// Closes the file soon. Nothing else may use it any more.
    static func abandonLater(_ file: OpenFile) {
        Task.detached { await shared.abandon(file) }
    }

    private func abandon(_ file: OpenFile) { file.abandon() }
}
