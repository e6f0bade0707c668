internal import CHDF5
internal import Threads

/// The process-wide state of libhdf5, which is made on the HDF5 thread and used nowhere else.
enum HDF5Library {
    /// The one thread that enters libhdf5. Its error stack is per thread, so is the silencing of its printing.
    static let thread = PinnedThread(name: "hdf5")

    /// What was set up once, before any other call of the library.
    static let session = Session()

    /// Sets the library up at the first call. To be called before anything else, on the HDF5 thread.
    static func start() { _ = session }

    struct Session: Sendable {
        /// The identifier of ``FileDriver``; negative if the library would not have it.
        let driver: hid_t
        let types: ElementTypes

        init() {
            // Without this the library closes everything once more when the process ends, after a failure too.
            H5dont_atexit()
            H5open()
            H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
            driver = FileDriver.register()
            types = ElementTypes()
            Self.registerReferences()
            for id in ChunkFilter.foreignIDs { ChunkFilter.registerStandIn(for: id) }
        }

        /// Lets the library convert references to the global heap into opaque bytes: it leaves them as they are.
        private static func registerReferences() {
            let text = Handle(H5Tcopy(cristae_H5T_C_S1()), H5Tclose)
            H5Tset_size(text.id, cristae_H5T_VARIABLE())
            let reference = Handle(H5Tcreate(H5T_OPAQUE, 16), H5Tclose)
            H5Tregister(
                H5T_PERS_SOFT, "reference", text.id, reference.id,
                { _, _, state, _, _, _, _, _, _ in
                    if let state, state.pointee.command == H5T_CONV_INIT { state.pointee.need_bkg = H5T_BKG_NO }
                    return 0
                })
        }
    }

    /// Numbers the files, so that a dataset handle is not taken for one of another file.
    private static nonisolated(unsafe) var filesOpened = 0

    /// A number that no other file of this process has. Call it on the HDF5 thread.
    static func nextFileNumber() -> Int {
        filesOpened += 1
        return filesOpened
    }
}
