"""Sources for `cristae convert`, and a check of what it made of them.

    conversion.py make DIR      writes Zarr v2 arrays below DIR/tree.zarr whose chunks come in all the forms that HDF5 can or cannot hold
                                as they are, and DIR/expected.json, a list of what `check` wants to know
    conversion.py check JOBS    JOBS is such a list, with the HDF5 file of each entry as "file"

One line per complaint; the last line is `N passed, N failed`; exit status 1 if any failed.
"""

import gzip
import hashlib
import io
import json
import os
import struct
import sys
import traceback
import zlib

import h5py
import hdf5plugin  # noqa: F401  (registers the zstd and blosc filters)
import numcodecs
import numpy

SHAPE, CHUNKS = (20, 18, 10), (8, 8, 16)


def named_gzip(data):
    """With a name, a comment flag left out and a time in the header."""
    out = io.BytesIO()
    with gzip.GzipFile("a name.bin", "wb", 6, out, mtime=12345) as file:
        file.write(data)
    return out.getvalue()


def full_gzip_header(data):
    """With an extra field, a name, a comment and a checksum of the header."""
    head = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\x00\x03" + struct.pack("<H", 5) + b"extra" + b"name\0" + b"comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    return head + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def sizeless_zstd(data):
    """A frame that does not say how much it holds, with raw blocks."""
    frame = b"\x28\xb5\x2f\xfd\x00\x58"
    starts = range(0, len(data), 1000)
    for start in starts:
        block = data[start : start + 1000]
        frame += struct.pack("<I", len(block) << 3 | (start == starts[-1]))[:3] + block
    return frame


def cut_in_two(encode):
    return lambda data: encode(data[: len(data) // 2]) + encode(data[len(data) // 2 :])


GZIP, ZLIB, ZSTD = numcodecs.GZip(6), numcodecs.Zlib(6), numcodecs.Zstd(5)
BLOSC = numcodecs.Blosc("zstd", 5, numcodecs.Blosc.SHUFFLE)
BITS = numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE)

# name: dtype, order, compressor, encoder of a chunk, whether chunks pass
ARRAYS = {
    "blosc": ("<u2", "C", BLOSC, None, True),
    "blosc_bits": ("<i4", "C", BITS, None, True),
    "blosc_bytes": ("<u2", "C", BLOSC, lambda data: BLOSC.encode(numpy.frombuffer(data, "u1")), False),
    "blosc_trailing": ("<u2", "C", BLOSC, lambda data: BLOSC.encode(numpy.frombuffer(data, "<u2")) + b"junk", False),
    "gzip": ("<u2", "C", GZIP, None, True),
    "gzip_big_endian": (">u2", "C", GZIP, None, False),
    "gzip_bool": ("|b1", "C", GZIP, None, True),
    "gzip_fortran": ("<u2", "F", GZIP, None, False),
    "gzip_full_header": ("<f4", "C", GZIP, full_gzip_header, True),
    "gzip_empty_first": ("<f4", "C", GZIP, lambda data: gzip.compress(b"") + gzip.compress(data), False),
    "gzip_named": ("<f8", "C", GZIP, named_gzip, True),
    "gzip_padded": ("<f8", "C", GZIP, lambda data: gzip.compress(data) + bytes(8), False),
    "gzip_two_members": ("<u2", "C", GZIP, cut_in_two(gzip.compress), False),
    "lz4": ("<u2", "C", numcodecs.LZ4(), None, False),
    "none": ("<i8", "C", None, None, True),
    "sub/float16": ("<f2", "C", ZSTD, None, True),
    "zlib": ("|i1", "C", ZLIB, None, True),
    "zstd": ("<u8", "C", ZSTD, None, True),
    "zstd_sizeless": ("<u2", "C", ZSTD, sizeless_zstd, False),
    "zstd_two_frames": ("<u2", "C", ZSTD, cut_in_two(lambda data: ZSTD.encode(data)), False),
}

ATTRIBUTES = {
    "text": "hé\nllo", "integer": -3, "large": 2**64 - 1, "float": 0.5, "flag": True, "nothing": None,
    "integers": [1, 2, 3], "floats": [0.5, 1, 2], "flags": [True, False], "texts": ["a", "ü"], "mixed": [1, "a"],
    "nested": [[1, 2], [3, 4]], "object": {"b": 1, "a": [None]}, "empty": [], "long": list(range(5000)), "zero": "a\u0000b",
    "_ARRAY_DIMENSIONS": ["z", "y", "x"], "": "no name",
}  # fmt: skip
JSON_TEXTS = {"nothing", "mixed", "nested", "object", "empty", "long", "zero"}


def expected_attributes():
    result = {name: value for name, value in ATTRIBUTES.items() if name not in JSON_TEXTS and name}
    result.update({name: {"json": ATTRIBUTES[name]} for name in JSON_TEXTS})
    result.update({"flag": 1, "flags": [1, 0], "DIMENSION_LABELS": ["z", "y", "x"]})
    return result


def dump(value, *path):
    os.makedirs(os.path.join(*path[:-1]), exist_ok=True)
    with open(os.path.join(*path), "w") as file:
        json.dump(value, file)


def make_array(folder, name, dtype, order, compressor, encode):
    generator = numpy.random.default_rng(sum(name.encode()))
    dtype = numpy.dtype(dtype)
    values = generator.integers(0, 2 if dtype.kind == "b" else 100, SHAPE).cumsum(0) % 127
    values = (values % 2 if dtype.kind == "b" else values).astype(dtype)
    fill = 1 if dtype.kind == "b" else 7
    meta = {
        "zarr_format": 2, "shape": SHAPE, "chunks": CHUNKS, "dtype": dtype.str, "order": order, "filters": None,
        "compressor": compressor and compressor.get_config(), "fill_value": bool(fill) if dtype.kind == "b" else fill,
    }  # fmt: skip
    path = os.path.join(folder, name)
    dump(meta, path, ".zarray")
    dump(ATTRIBUTES, path, ".zattrs")
    count = 0
    for index in numpy.ndindex(*[-(-length // chunk) for length, chunk in zip(SHAPE, CHUNKS)]):
        box = tuple(slice(i * chunk, i * chunk + chunk) for i, chunk in zip(index, CHUNKS))
        if sum(index) == 2:  # unstored
            values[box] = fill
            continue
        chunk = numpy.full(CHUNKS, fill, dtype)
        part = values[box]
        chunk[tuple(slice(0, length) for length in part.shape)] = part
        chunk = numpy.ascontiguousarray(chunk.T if order == "F" else chunk)
        if encode:
            data = encode(chunk.tobytes())
        else:
            data = compressor.encode(chunk) if compressor else chunk.tobytes()
        with open(os.path.join(path, ".".join(map(str, index))), "wb") as file:
            file.write(data)
        count += 1
    return values, count


def digest(values):
    values = numpy.ascontiguousarray(values)
    return hashlib.sha256(values.astype(values.dtype.newbyteorder("<")).tobytes()).hexdigest()


def make(folder):
    tree = os.path.join(folder, "tree.zarr")
    for group, attributes in {"": {"root": "yes"}, "sub": {"depth": 1}, "hollow": {"lost": 1}}.items():
        dump({"zarr_format": 2}, tree, group, ".zgroup")
        dump(attributes, tree, group, ".zattrs")
    os.makedirs(os.path.join(tree, "no_node", "deeper"))
    dump({"zarr_format": 2}, tree, "no_node", "deeper", ".zgroup")
    expected = []
    for name, (dtype, order, compressor, encode, passes) in ARRAYS.items():
        values, count = make_array(tree, name, dtype, order, compressor, encode)
        entry = {"dataset": name, "shape": SHAPE, "dtype": values.dtype.name, "sha256": digest(values)}
        entry["attributes"] = expected_attributes()
        entry["source_attributes"] = {
            "chunks_passed_through": count if passes else 0, "chunks_transcoded": 0 if passes else count,
        }  # fmt: skip
        expected.append(entry)
    dump(expected, folder, "expected.json")


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, numpy.ndarray):
        return [plain(element) for element in value.tolist()]
    return value.item() if isinstance(value, numpy.generic) else value


def complaints(job):
    with h5py.File(job["file"]) as file:
        found = []
        file.visititems(lambda name, node: found.append(name) if isinstance(node, h5py.Dataset) else None)
        if job.get("only", False) and found != [job["dataset"]]:
            yield f"datasets {found}"
        for group, attributes in job.get("groups", {}).items():
            if {name: plain(value) for name, value in file[group].attrs.items()} != attributes:
                yield f"attributes of {group}: {dict(file[group].attrs)}"
        dataset = file[job["dataset"]]
        attributes = {name: plain(value) for name, value in dataset.attrs.items()}
        values = dataset[()]
        shape = list(values.shape)
        if shape != list(job["shape"]):
            yield f"shape {shape}, expected {job['shape']}"
        if values.dtype.name != job["dtype"]:
            yield f"dtype {values.dtype.name}, expected {job['dtype']}"
        if digest(values) != job["sha256"]:
            yield f"sha256 {digest(values)} of {values.ravel()[:6]}…, expected {job['sha256']}"
        if dataset.chunks and any(dataset.id.get_chunk_info(i).filter_mask for i in range(dataset.id.get_num_chunks())):
            yield "chunks with a filter mask"
        if job.get("compression") is not None:
            names = {1: "gzip", 32015: "zstd", 32001: "blosc"}
            filters = dataset.id.get_create_plist()
            used = [names.get(filters.get_filter(i)[0]) for i in range(filters.get_nfilters())] or ["none"]
            if used != [job["compression"]]:
                yield f"filters {used}, expected {job['compression']}"
        if job.get("level") is not None:
            used = dataset.id.get_create_plist().get_filter(0)[2][0]
            if used != job["level"]:
                yield f"level {used}, expected {job['level']}"
        for name, value in job.get("attributes", {}).items():
            actual = attributes.pop(name, "missing")
            if isinstance(value, dict) and "json" in value:
                value, actual = value["json"], json.loads(actual)
            if actual != value or type(actual) is not type(value):
                yield f"attribute {name}: {actual!r}, expected {value!r}"
        if "attributes" in job and set(attributes) - {"source_codec"}:
            yield f"unexpected attributes {attributes}"


def check(jobs):
    passed = failed = 0
    for job in jobs:
        try:
            problems = list(complaints(job))
        except Exception as error:
            problems = [f"{error!r} {traceback.format_exc().splitlines()[-3].strip()}"]
        for problem in problems:
            print(f"FAILED {job['file']} {job['dataset']}: {problem}")
        failed += bool(problems)
        passed += not problems
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        with open(sys.argv[2]) as file:
            sys.exit(check(json.load(file)))
