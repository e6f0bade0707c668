internal import CHDF5
internal import Threads

/// The process-wide state of libhdf5. It is made and used on the HDF5 thread only.
enum HDF5Library {
    /// The one thread that enters libhdf5, whose error stack and error printing are per thread.
    static let thread = PinnedThread(name: "hdf5")

    /// Set up once, before any other call of the library.
    static let session = Session()

    /// Sets the library up at the first call. Call it before anything else, on the HDF5 thread.
    static func start() { _ = session }

    struct Session: Sendable {
        /// The identifier of ``FileDriver``; negative if its registration failed.
        let driver: hid_t
        let types: ElementTypes

        init() {
            // Otherwise the library closes everything again when the process ends, even after a failure.
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

    /// Counts the files, so that dataset handles of different files differ.
    private static nonisolated(unsafe) var filesOpened = 0

    /// A number that no other file of this process has. Call it on the HDF5 thread.
    static func nextFileNumber() -> Int {
        filesOpened += 1
        return filesOpened
    }
}
