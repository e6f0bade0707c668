"""Sharded Zarr v3 volumes, written by zarr-python and TensorStore, and what came out of them.

    shards.py write ROOT                  `shard-end`, `shard-start`, `shard-nested`, `shard-ts`: 16 MiB of raw data in one shard, of which
                                          some inner chunks are not stored; a crop of 60^3 voxels with labels in small shards
    shards.py check ROOT OUT              out/hdf5/crop_*.h5 against the store
    shards.py check-volumes ROOT OUT      out/hdf5/<dataset>.h5 against the store
    shards.py check-pack ROOT DATASET PACK  a pack with the whole shard of the raw data opens with zarr-python
    shards.py write-large ROOT            `shard-large`: shards of 1024^3 voxels in inner chunks of 64^3, of which a few are stored; multiscales
                                          directly in the attributes of the raw image, and under `ome` in those of its labels
    shards.py check-large ROOT OUT        the crop, the region and the volume of it, whichever are there, against the store
    shards.py raw-chunks ROOT OUT DATASET whether the bytes of each inner chunk of the raw data are in the HDF5 file as they are
"""

import argparse
import os
import struct
import sys

import h5py
import hdf5plugin  # noqa: F401  registers the filters
import numpy
import tensorstore
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec

from volumes import multiscales
from zarr_files import as_one_line, write_text

EDGE, INNER = 256, 32
DATASETS = ["shard-end", "shard-start", "shard-nested", "shard-ts"]
RAW = "recon-1/em/fibsem-uint8"


def noise(seed):
    """Nothing that can be compressed, but for a corner of zeros, which is not stored."""
    values = numpy.random.default_rng(seed).integers(1, 255, [EDGE] * 3, dtype="u1")
    values[:, 96:128, 64:] = 0
    return values


def write_group(group, scale, translation):
    write_text(os.path.join(group, "zarr.json"), as_one_line({
        "zarr_format": 3, "node_type": "group",
        "attributes": {"ome": {"version": "0.5", **multiscales([([scale] * 3, translation, None)])}}}))


def sharding(chunk, codecs, location="end"):
    return ShardingCodec(chunk_shape=[chunk] * 3, codecs=codecs, index_location=location)


def write_array(path, values, chunk, serializer):
    array = zarr.create_array(path, shape=values.shape, dtype=values.dtype, chunks=[chunk] * 3, serializer=serializer,
                              compressors=None, filters=None, fill_value=0, config={"write_empty_chunks": False})
    array[:] = values


def write_with_tensorstore(path, values):
    array = tensorstore.open({
        "driver": "zarr3", "kvstore": {"driver": "file", "path": path},
        "metadata": {
            "shape": list(values.shape), "data_type": "uint8", "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [EDGE] * 3}},
            "codecs": [{"name": "sharding_indexed", "configuration": {
                "chunk_shape": [INNER] * 3, "index_location": "start",
                "codecs": [{"name": "bytes"}, {"name": "gzip", "configuration": {"level": 1}}]}}]},
    }, create=True).result()
    array.write(values).result()


def write(root):
    plain = [BytesCodec(), ZstdCodec(level=1), Crc32cCodec()]
    for number, name in enumerate(DATASETS):
        base = os.path.join(root, name, f"{name}.zarr")
        values = noise(number)
        write_group(os.path.join(base, RAW), 8.0, [0.0] * 3)
        path = os.path.join(base, RAW, "s0")
        if name == "shard-ts":
            write_with_tensorstore(path, values)
        else:
            codec = {
                "shard-end": sharding(INNER, plain[:2]), "shard-start": sharding(INNER, plain, "start"),
                "shard-nested": sharding(64, [sharding(INNER, plain)]),
            }[name]
            write_array(path, values, EDGE, codec)
        group = os.path.join(base, f"recon-1/labels/groundtruth/crop{number + 1}/mito")
        # Voxel 70 to 130 of the raw data on each axis.
        write_group(group, 8.0, [560.0] * 3)
        z, y, x = numpy.indices([60] * 3)
        write_array(os.path.join(group, "s0"), ((z // 20 + y // 15 + x // 12) % 4).astype("u2"), 64,
                    sharding(16, plain))
    age(root)


def age(root):
    """What was written in the very second in which a job reads it is asked for twice."""
    for folder, _, files in os.walk(root):
        for file in files:
            os.utime(os.path.join(folder, file), (1.7e9, 1.7e9))


LARGE = "shard-large"
LARGE_SHAPE = [1100, 1060, 200]
LABELS = "recon-1/labels/inference/mito"
# Where the large shards meet, and a corner; [start, stop) in raw voxels.
BOXES = [([970, 980, 60], [1090, 1060, 140]), ([0, 0, 0], [40, 70, 30])]
CROP = "recon-1/labels/groundtruth/crop9/mito"
CROP_BOX = ([1000, 1000, 100], [1050, 1050, 130])
# Of the region in the test's manifest.
REGION_BOX = ([1010, 990, 70], [1060, 1040, 110])


def slices(box):
    return tuple(slice(a, b) for a, b in zip(*box))


def write_large(root):
    base = os.path.join(root, LARGE, f"{LARGE}.zarr")
    random = numpy.random.default_rng(5)

    def create(path, shape, dtype, edge):
        group = os.path.join(base, path)
        array = zarr.create_array(
            os.path.join(group, "s0"), shape=shape, dtype=dtype, chunks=[edge] * 3, fill_value=0, compressors=None,
            serializer=sharding(64, [BytesCodec(), ZstdCodec(level=1)]), config={"write_empty_chunks": False})
        return group, array

    group, raw = create(RAW, LARGE_SHAPE, "u1", 1024)
    write_text(os.path.join(group, "zarr.json"), as_one_line({
        "zarr_format": 3, "node_type": "group", "attributes": multiscales([([8.0] * 3, [0.0] * 3, None)])}))
    group, labels = create(LABELS, LARGE_SHAPE, "u1", 1024)
    write_group(group, 8.0, [0.0] * 3)
    for box in BOXES:
        shape = [b - a for a, b in zip(*box)]
        raw[slices(box)] = random.integers(1, 255, shape, dtype="u1")
        z, y, x = numpy.indices(shape)
        labels[slices(box)] = ((z // 9 + y // 7 + x // 5) % 2 * 255).astype("u1")
    group, crop = create(CROP, [b - a for a, b in zip(*CROP_BOX)], "u2", 64)
    write_group(group, 8.0, [8.0 * a for a in CROP_BOX[0]])
    z, y, x = numpy.indices(crop.shape)
    crop[:] = ((z // 20 + y // 15 + x // 12) % 4).astype("u2")
    age(root)


def check_large(root, out):
    report = Report()
    raw, labels = (zarr.open_array(os.path.join(root, LARGE, f"{LARGE}.zarr", path, "s0"), mode="r")
                   for path in (RAW, LABELS))

    def same(what, found, expected):
        report.expect(what, found.shape == expected.shape and (found == expected).all() and expected.any())

    for folder in ("hdf5", "crops"):
        for name in sorted(os.listdir(os.path.join(out, folder))):
            with h5py.File(os.path.join(out, folder, name)) as file:
                what = f"{folder}/{name}"
                if name == f"{LARGE}.h5":
                    level = "/s0" if folder == "hdf5" else ""
                    for path, array in ((RAW, raw), (LABELS, labels)):
                        node = file[path + level]
                        report.expect(f"{what} {path} shape", list(node.shape) == LARGE_SHAPE)
                        for box in BOXES:
                            same(f"{what} {path} {box}", node[slices(box)], array[slices(box)])
                        report.expect(f"{what} {path} is sparse", node.id.get_storage_size() < 8 << 20)
                        report.expect(f"{what} {path} elsewhere", not node[500:600:7, 500:600:7].any())
                    report.expect(f"{what} mito", int(file[LABELS + level].attrs["present"]) == 255)
                    continue
                box = CROP_BOX if name == "crop_9.h5" else REGION_BOX
                same(f"{what} raw", file["raw"][:], raw[slices(box)])
                if name == "crop_9.h5":
                    mito = zarr.open_array(os.path.join(root, LARGE, f"{LARGE}.zarr", CROP, "s0"), mode="r")[:]
                else:
                    mito = labels[slices(box)]
                same(f"{what} mito", file["labels/mito"][:], mito)
    return report.end()


class Report:
    def __init__(self):
        self.count, self.failed = 0, 0

    def expect(self, what, condition):
        self.count += 1
        if not condition:
            self.failed += 1
            print(f"FAILED {what}")

    def end(self):
        print(f"{self.count - self.failed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def stored(root, name, path):
    return zarr.open_array(os.path.join(root, name, f"{name}.zarr", path), mode="r")[:]


def check(root, out):
    report = Report()
    for number, name in enumerate(DATASETS):
        with h5py.File(os.path.join(out, f"hdf5/crop_{number + 1}.h5")) as file:
            raw = stored(root, name, f"{RAW}/s0")[70:130, 70:130, 70:130]
            labels = stored(root, name, f"recon-1/labels/groundtruth/crop{number + 1}/mito/s0")
            report.expect(f"{name} has holes and data", (raw == 0).any() and (raw != 0).any())
            report.expect(f"{name} raw", file["raw_crop"].shape == raw.shape and (file["raw_crop"][:] == raw).all())
            report.expect(f"{name} mito", (file["label_crop/mito"][:] == labels).all())
            report.expect(f"{name} translation", list(file["raw_crop"].attrs["translation"]) == [560.0] * 3)
    return report.end()


def check_volumes(root, out):
    report = Report()
    for name in DATASETS:
        with h5py.File(os.path.join(out, f"hdf5/{name}.h5")) as file:
            node = file[f"{RAW}/s0"]
            report.expect(f"{name} voxels", (node[:] == stored(root, name, f"{RAW}/s0")).all())
            report.expect(f"{name} has unstored chunks", 0 < node.id.get_storage_size() < EDGE**3)
    return report.end()


def raw_chunks(root, out, name):
    """The index is read by hand: at the end, with a checksum of 4 bytes behind it."""
    report = Report()
    with open(os.path.join(root, name, f"{name}.zarr", RAW, "s0/c/0/0/0"), "rb") as file:
        shard = file.read()
    per_axis = EDGE // INNER
    count = per_axis**3
    index = struct.unpack(f"<{2 * count}Q", shard[-4 - 16 * count:-4])
    with h5py.File(os.path.join(out, f"hdf5/{name}.h5")) as file:
        node = file[f"{RAW}/s0"]
        found = {}
        for number in range(node.id.get_num_chunks()):
            info = node.id.get_chunk_info(number)
            found[info.chunk_offset] = node.id.read_direct_chunk(info.chunk_offset)[1]
        for number, position in enumerate(numpy.ndindex(per_axis, per_axis, per_axis)):
            offset, length = index[2 * number:2 * number + 2]
            place = tuple(i * INNER for i in position)
            if offset == 2**64 - 1:
                report.expect(f"{position} is not stored", place not in found)
            else:
                report.expect(f"{position}", found.get(place) == shard[offset:offset + length])
    return report.end()


def check_pack(root, name, pack):
    report = Report()
    path = f"{RAW}/s0"
    values = zarr.open_array(zarr.storage.ZipStore(pack, mode="r"), path=f"{name}/{name}.zarr/{path}", mode="r")[:]
    report.expect(f"{pack} {path}", (values == stored(root, name, path)).all())
    return report.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb")
    parser.add_argument("root")
    parser.add_argument("rest", nargs="*")
    arguments = parser.parse_args()
    verbs = {"write": write, "check": check, "check-volumes": check_volumes, "check-pack": check_pack,
             "raw-chunks": raw_chunks, "write-large": write_large, "check-large": check_large}
    return verbs[arguments.verb](arguments.root, *arguments.rest)


if __name__ == "__main__":
    sys.exit(main())
