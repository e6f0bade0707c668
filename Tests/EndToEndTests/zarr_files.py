"""Zarr v2 arrays as plain files: a small writer and a small reader, with numcodecs for the bytes only."""

import gzip
import json
import os
import zlib

import numcodecs
import numpy


def compressor_of(config):
    """The numcodecs codec of a `.zarray` compressor; keys which numcodecs does not know are left out."""
    if config is None:
        return None
    known = {
        "zstd": ("level", "checksum"),
        "blosc": ("cname", "clevel", "shuffle", "blocksize"),
        "gzip": ("level",),
        "zlib": ("level",),
    }[config["id"]]
    return numcodecs.get_codec({"id": config["id"], **{key: config[key] for key in known if key in config}})


def decode(config, body):
    """The bytes of one chunk."""
    if config is None:
        return body
    if config["id"] == "gzip":
        return gzip.decompress(body)
    if config["id"] == "zlib":
        return zlib.decompress(body)
    return bytes(compressor_of(config).decode(body))


def write_text(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def as_zarr_python(value):
    """JSON in the byte form zarr-python writes: four spaces, sorted keys."""
    return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=True, separators=(",", ": "))


def as_one_line(value):
    """JSON in the byte form other writers use: one line, keys as they come."""
    return json.dumps(value, separators=(",", ":"))


def write_group(path, attributes=None, style=as_zarr_python):
    write_text(os.path.join(path, ".zgroup"), style({"zarr_format": 2}))
    if attributes is not None:
        write_text(os.path.join(path, ".zattrs"), style(attributes))


class ArrayWriter:
    """One Zarr v2 array: metadata at once, chunks one by one; a chunk of fill values is not stored."""

    def __init__(self, path, shape, chunks, dtype, compressor, separator="/", attributes=None, style=as_zarr_python):
        self.path, self.shape, self.chunks = path, tuple(shape), tuple(chunks)
        self.dtype, self.separator = numpy.dtype(dtype), separator
        self.codec = compressor_of(compressor)
        metadata = {
            "chunks": list(self.chunks),
            "compressor": compressor,
            "dtype": self.dtype.str,
            "fill_value": 0,
            "filters": None,
            "order": "C",
            "shape": list(self.shape),
            "zarr_format": 2,
        }
        if separator != ".":
            metadata["dimension_separator"] = separator
        write_text(os.path.join(path, ".zarray"), style(metadata))
        if attributes is not None:
            write_text(os.path.join(path, ".zattrs"), style(attributes))

    def write_chunk(self, index, values):
        """`values` covers the chunk's part of the array; the rest of an edge chunk is fill."""
        if not values.any():
            return None
        if values.shape != self.chunks:
            full = numpy.zeros(self.chunks, dtype=self.dtype)
            full[tuple(slice(0, n) for n in values.shape)] = values
            values = full
        body = numpy.ascontiguousarray(values, dtype=self.dtype).tobytes()
        if self.codec is not None:
            body = bytes(self.codec.encode(body))
        name = self.separator.join(str(i) for i in index)
        file = os.path.join(self.path, *name.split("/"))
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as out:
            out.write(body)
        return name

    def write_all(self, values):
        counts = [-(-n // c) for n, c in zip(self.shape, self.chunks)]
        for index in numpy.ndindex(*counts):
            box = tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, self.chunks, self.shape))
            self.write_chunk(index, values[box])


class ArrayReader:
    """One Zarr v2 array on disk, read box by box; a chunk without a file is fill value."""

    def __init__(self, path):
        with open(os.path.join(path, ".zarray"), encoding="utf-8") as file:
            metadata = json.load(file)
        self.path = path
        self.shape, self.chunks = tuple(metadata["shape"]), tuple(metadata["chunks"])
        self.dtype = numpy.dtype(metadata["dtype"])
        self.compressor = metadata["compressor"]
        self.fill = metadata["fill_value"] or 0
        self.separator = metadata.get("dimension_separator", ".")

    def chunk_names(self, start, stop):
        """The chunk names which the box [start, stop) touches, with their indices."""
        ranges = [range(a // c, -(-b // c)) for a, b, c in zip(start, stop, self.chunks)]
        for offset in numpy.ndindex(*[len(r) for r in ranges]):
            index = tuple(r[i] for r, i in zip(ranges, offset))
            yield index, self.separator.join(str(i) for i in index)

    def read(self, start, stop):
        """The voxels of [start, stop), which must lie within the shape, in native byte order."""
        assert all(0 <= a <= b <= n for a, b, n in zip(start, stop, self.shape)), (self.path, start, stop, self.shape)
        out = numpy.full([b - a for a, b in zip(start, stop)], self.fill, dtype=self.dtype.newbyteorder("="))
        for index, name in self.chunk_names(start, stop):
            file = os.path.join(self.path, *name.split("/"))
            if not os.path.exists(file):
                continue
            with open(file, "rb") as chunk:
                body = decode(self.compressor, chunk.read())
            values = numpy.frombuffer(body, dtype=self.dtype).reshape(self.chunks)
            here, there = [], []
            for i, c, a, b in zip(index, self.chunks, start, stop):
                low, high = max(a, i * c), min(b, (i + 1) * c)
                here.append(slice(low - i * c, high - i * c))
                there.append(slice(low - a, high - a))
            out[tuple(there)] = values[tuple(here)]
        return out
