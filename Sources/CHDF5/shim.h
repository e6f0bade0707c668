#pragma once
// The names used here are those of HDF5 1.10; newer libraries map them.
#define H5_USE_110_API
#include <hdf5.h>

// What HDF5 offers only as macros that call functions or cast, which Swift does not import.

static inline unsigned cristae_H5F_ACC_RDONLY(void) { return H5F_ACC_RDONLY; }
static inline unsigned cristae_H5F_ACC_EXCL(void) { return H5F_ACC_EXCL; }
static inline hsize_t cristae_H5S_UNLIMITED(void) { return H5S_UNLIMITED; }
static inline size_t cristae_H5T_VARIABLE(void) { return H5T_VARIABLE; }

static inline hid_t cristae_H5P_FILE_ACCESS(void) { return H5P_FILE_ACCESS; }
static inline hid_t cristae_H5P_FILE_CREATE(void) { return H5P_FILE_CREATE; }
static inline hid_t cristae_H5P_GROUP_CREATE(void) { return H5P_GROUP_CREATE; }
static inline hid_t cristae_H5P_DATASET_CREATE(void) { return H5P_DATASET_CREATE; }
static inline hid_t cristae_H5P_ATTRIBUTE_CREATE(void) { return H5P_ATTRIBUTE_CREATE; }
static inline hid_t cristae_H5P_LINK_CREATE(void) { return H5P_LINK_CREATE; }

static inline hid_t cristae_H5T_C_S1(void) { return H5T_C_S1; }
static inline hid_t cristae_H5T_STD_U8LE(void) { return H5T_STD_U8LE; }
static inline hid_t cristae_H5T_STD_U8BE(void) { return H5T_STD_U8BE; }
static inline hid_t cristae_H5T_STD_I8LE(void) { return H5T_STD_I8LE; }
static inline hid_t cristae_H5T_STD_I8BE(void) { return H5T_STD_I8BE; }
static inline hid_t cristae_H5T_STD_U16LE(void) { return H5T_STD_U16LE; }
static inline hid_t cristae_H5T_STD_U16BE(void) { return H5T_STD_U16BE; }
static inline hid_t cristae_H5T_STD_I16LE(void) { return H5T_STD_I16LE; }
static inline hid_t cristae_H5T_STD_I16BE(void) { return H5T_STD_I16BE; }
static inline hid_t cristae_H5T_STD_U32LE(void) { return H5T_STD_U32LE; }
static inline hid_t cristae_H5T_STD_U32BE(void) { return H5T_STD_U32BE; }
static inline hid_t cristae_H5T_STD_I32LE(void) { return H5T_STD_I32LE; }
static inline hid_t cristae_H5T_STD_I32BE(void) { return H5T_STD_I32BE; }
static inline hid_t cristae_H5T_STD_U64LE(void) { return H5T_STD_U64LE; }
static inline hid_t cristae_H5T_STD_U64BE(void) { return H5T_STD_U64BE; }
static inline hid_t cristae_H5T_STD_I64LE(void) { return H5T_STD_I64LE; }
static inline hid_t cristae_H5T_STD_I64BE(void) { return H5T_STD_I64BE; }
static inline hid_t cristae_H5T_IEEE_F32LE(void) { return H5T_IEEE_F32LE; }
static inline hid_t cristae_H5T_IEEE_F32BE(void) { return H5T_IEEE_F32BE; }
static inline hid_t cristae_H5T_IEEE_F64LE(void) { return H5T_IEEE_F64LE; }
static inline hid_t cristae_H5T_IEEE_F64BE(void) { return H5T_IEEE_F64BE; }
static inline hid_t cristae_H5T_NATIVE_INT64(void) { return H5T_NATIVE_INT64; }
static inline hid_t cristae_H5T_NATIVE_UINT64(void) { return H5T_NATIVE_UINT64; }
static inline hid_t cristae_H5T_NATIVE_DOUBLE(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t cristae_H5T_NATIVE_FLOAT(void) { return H5T_NATIVE_FLOAT; }

/// A file as the library's driver layer sees it: HDF5's part first, then ours.
typedef struct cristae_driver_file_t {
    H5FD_t shared;
    void *state;
} cristae_driver_file_t;

/// A driver class without callbacks, with the free lists divided as in the library's own POSIX driver.
static inline H5FD_class_t cristae_driver_class(void) {
    H5FD_class_t driver = {
        .name = "cristae",
        .maxaddr = INT64_MAX,
        .fc_degree = H5F_CLOSE_STRONG,
        .fapl_size = sizeof(void *),
        .fl_map = H5FD_FLMAP_DICHOTOMY,
    };
    return driver;
}

static inline unsigned long cristae_driver_features(void) {
    return H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
}
#ifdef __linux__
// Of <fcntl.h>, which declares it only for those who ask for GNU's extensions before anything else is included.
extern int sync_file_range(int descriptor, __off64_t offset, __off64_t count, unsigned int flags);

/// Lets the disk begin with what was written to a file so far, without waiting for it.
static inline void cristae_start_writing(int descriptor) {
    // SYNC_FILE_RANGE_WRITE, from 0 to the end.
    (void)sync_file_range(descriptor, 0, 0, 2);
}
#else
static inline void cristae_start_writing(int descriptor) { (void)descriptor; }
#endif
