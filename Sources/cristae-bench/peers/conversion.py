"""One Zarr array to one HDF5 dataset, with zarr-python or TensorStore reading and h5py writing, a block at a time."""

import itertools
import json
import math
import os

from measure import Measurement, sync

BLOCK_BYTES = 128 << 20


def blocks(shape, source_chunk, chunk, itemsize):
    """Slices that cover an array in boxes of whole chunks of both files, of at most about `BLOCK_BYTES`."""
    unit = [math.lcm(a, b) for a, b in zip(source_chunk, chunk)]
    size = list(unit)
    # Grown from the last axis on, so that reading and writing go through the files in order.
    for axis in reversed(range(len(shape))):
        room = max(1, BLOCK_BYTES // (math.prod(size) * itemsize))
        size[axis] *= min(room, -(-shape[axis] // unit[axis]))
    for first in itertools.product(*(range(0, n, s) for n, s in zip(shape, size))):
        yield tuple(slice(f, min(f + s, n)) for f, s, n in zip(first, size, shape))


def settings(compression, level):
    """What `create_dataset` is given."""
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": level}
    if compression == "zstd":
        import hdf5plugin
        return dict(hdf5plugin.Zstd(clevel=level))
    return {}


def finish(options, measurement, shape, dtype):
    voxels = math.prod(shape)
    return measurement.report(voxels=voxels, bytes=voxels * dtype.itemsize, file_bytes=os.path.getsize(options.out),
                              compression=options.compression, level=options.level, chunk=options.chunk)


def create(file, shape, dtype, options):
    chunk = [min(c, n) for c, n in zip(options.chunk, shape)]
    return file.create_dataset("data", shape, dtype, chunks=tuple(chunk),
                               **settings(options.compression, options.level))


def close(file, path):
    file.close()
    sync(path)
    sync(os.path.dirname(os.path.abspath(path)))


def with_zarr_python(options):
    import h5py
    import zarr
    if os.path.exists(options.out):
        os.remove(options.out)
    with Measurement() as measurement:
        source = zarr.open_array(options.source, mode="r")
        file = h5py.File(options.out, "w")
        target = create(file, source.shape, source.dtype, options)
        for box in blocks(source.shape, source.chunks, target.chunks, source.dtype.itemsize):
            target[box] = source[box]
        close(file, options.out)
    return finish(options, measurement, source.shape, source.dtype)


def with_tensorstore(options):
    """The next block is read and decoded by TensorStore's threads while h5py compresses and writes this one."""
    import h5py
    import tensorstore
    if os.path.exists(options.out):
        os.remove(options.out)
    with open(os.path.join(options.source, ".zarray"), encoding="utf-8") as file:
        source_chunk = json.load(file)["chunks"]
    with Measurement() as measurement:
        source = tensorstore.open({"driver": "zarr", "kvstore": {"driver": "file", "path": os.path.abspath(options.source)}},
                                  read=True).result()
        dtype = source.dtype.numpy_dtype
        file = h5py.File(options.out, "w")
        target = create(file, source.shape, dtype, options)
        boxes = list(blocks(source.shape, source_chunk, target.chunks, dtype.itemsize))
        following = source[boxes[0]].read()
        for box, next_box in itertools.zip_longest(boxes, boxes[1:]):
            values = following.result()
            following = source[next_box].read() if next_box else None
            target[box] = values
        close(file, options.out)
    return finish(options, measurement, source.shape, dtype)
