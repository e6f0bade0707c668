"""Whole volumes: writes a bucket of them, and compares what came out with it.

    volumes.py write ROOT                    `vol-zarr` (levels, inference, crops), `vol-n5`, `vol-int16` (recon-2), `vol-raw`, `vol-v3`,
                                             `vol-fine` (thousands of chunks)
    volumes.py check ROOT OUT [--target 8]   every dataset of out/hdf5 against the store, out/crops against exact means and majorities
    volumes.py sparse ROOT EDGE              `vol-sparse`: EDGE^3 voxels, of which a few chunks are stored
    volumes.py regions ROOT OUT              out/hdf5/region_vol-zarr_1.h5 and region_vol-n5_1.h5 against the store
    volumes.py raw-chunks ROOT OUT DATASET   whether the stored bytes of each chunk are in the HDF5 file as they are
"""

import argparse
import gzip
import json
import os
import struct
import sys

import h5py
import hdf5plugin  # noqa: F401  registers the filters
import numpy

from zarr_files import ArrayReader, ArrayWriter, as_one_line, write_group, write_text

ZSTD = {"id": "zstd", "level": 3}
GZIP = {"id": "gzip", "level": 5}
BLOSC = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


def multiscales(levels):
    return {"multiscales": [{
        "axes": [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"],
        "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0, 1.0]}],
        "datasets": [{"path": f"s{i}", "coordinateTransformations": [
            {"type": "scale", "scale": scale}, {"type": "translation", "translation": translation}]}
            for i, (scale, translation, _) in enumerate(levels)],
        "name": "", "version": "0.4"}]}


def pyramid(scale, translation, shape, count):
    levels = []
    for k in range(count):
        factor = 2**k
        levels.append(([s * factor for s in scale], [t + s * (factor - 1) / 2 for s, t in zip(scale, translation)],
                       [max(1, n // factor) for n in shape]))
    return levels


def voxels(shape, dtype, seed, holes=False):
    """Smooth noise; with holes large parts are zero."""
    random = numpy.random.default_rng(seed)
    z, y, x = numpy.indices(shape)
    values = 100 + 60 * numpy.sin(z / 7) + 40 * numpy.cos(y / 5 + x / 11) + random.integers(0, 9, shape)
    if numpy.dtype(dtype).kind == "i":
        values -= 120
    if holes:
        values[:, : shape[1] // 2, shape[2] // 2:] = 0
    return values.astype(dtype)


def labels(shape, dtype, step):
    z, y, x = numpy.indices(shape)
    values = ((z // step) * 5 + (y // step) * 3 + (x // step)) % 7
    return numpy.where((z + 2 * y + x) % 5 == 0, 0, values).astype(dtype)


def write_image(group, levels, chunks, dtype, compressor, make, attributes=None):
    write_group(group, {**multiscales(levels), **(attributes or {})})
    for k, (_, _, shape) in enumerate(levels):
        ArrayWriter(os.path.join(group, f"s{k}"), shape, chunks, dtype, compressor).write_all(make(shape, k))


def write_zarr(root):
    base = os.path.join(root, "vol-zarr/vol-zarr.zarr")
    write_group(base)
    write_group(os.path.join(base, "recon-1"))
    write_image(os.path.join(base, "recon-1/em/fibsem-uint8"), pyramid([4.0, 4.0, 4.0], [0.0] * 3, [150, 130, 170], 3),
                [64, 64, 64], "|u1", ZSTD, lambda shape, k: voxels(shape, "u1", k, holes=True))
    # One voxel shorter than the raw data, and 0 or 255.
    write_image(os.path.join(base, "recon-1/labels/inference/segmentations/mito"),
                pyramid([8.0, 8.0, 8.0], [2.0] * 3, [74, 65, 85], 2), [32, 48, 100], "|u1", BLOSC,
                lambda shape, k: (labels(shape, "u1", 9) > 3) * numpy.uint8(255))
    write_image(os.path.join(base, "recon-1/labels/inference/segmentations/nuc_float"),
                pyramid([8.0, 8.0, 8.0], [2.0] * 3, [20, 20, 20], 1), [32, 32, 32], "<f4", ZSTD,
                lambda shape, k: voxels(shape, "f4", 5))
    write_image(os.path.join(base, "recon-1/labels/groundtruth/crop7/mito"),
                pyramid([2.0, 2.0, 2.0], [79.0, 95.0, 111.0], [40, 48, 56], 3), [32, 32, 32], "<u4", GZIP,
                lambda shape, k: labels(shape, "u4", 6) * 70000,
                {"cellmap": {"annotation": {"annotation_type": {"type": "instance_segmentation", "encoding": {
                    "absent": 0, "unknown": 255}}, "class_name": "mito"}}})
    write_image(os.path.join(base, "recon-1/labels/groundtruth/crop8/er"),
                pyramid([8.0, 8.0, 8.0], [2.0] * 3, [10, 10, 10], 1), [32, 32, 32], "|u1", GZIP,
                lambda shape, k: labels(shape, "u1", 3))


def write_n5_array(path, values, block, grid, compressed=True):
    scale, translation = grid
    write_text(os.path.join(path, "attributes.json"), as_one_line({
        "dimensions": list(values.shape[::-1]), "blockSize": block[::-1], "dataType": values.dtype.name,
        "compression": {"type": "gzip", "level": -1} if compressed else {"type": "raw"},
        "pixelResolution": {"dimensions": scale[::-1], "unit": "nm"},
        "transform": {"axes": ["z", "y", "x"], "scale": scale, "translate": translation, "units": ["nm"] * 3}}))
    for index in numpy.ndindex(*(-(-n // b) for n, b in zip(values.shape, block))):
        part = values[tuple(slice(i * b, (i + 1) * b) for i, b in zip(index, block))]
        if not part.any():
            continue
        head = struct.pack(">HHIII", 0, 3, *part.shape[::-1])
        body = numpy.ascontiguousarray(part, dtype=part.dtype.newbyteorder(">")).tobytes()
        file = os.path.join(path, *(str(i) for i in index[::-1]))
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as out:
            out.write(head + (gzip.compress(body, 6) if compressed else body))


def write_n5(root):
    base = os.path.join(root, "vol-n5/vol-n5.n5")
    write_text(os.path.join(base, "attributes.json"), as_one_line({"n5": "2.5.0"}))
    for image, dtype, make in [("em/fibsem-uint16", "u2", lambda s, k: voxels(s, "u2", k) * 100),
                               ("labels/mito_seg", "u2", lambda s, k: labels(s, "u2", 8)),
                               ("labels/mito_pred", "u1", lambda s, k: voxels(s, "u1", 3))]:
        levels = pyramid([3.44, 4.0, 4.0], [-5.0, -35.0, 0.0], [90, 101, 110], 2)
        group = os.path.join(base, image)
        write_text(os.path.join(group, "attributes.json"), as_one_line({
            "axes": ["x", "y", "z"], "units": ["nm"] * 3, "multiscales": [{"name": "", "datasets": [
                {"path": f"s{k}", "transform": {
                    "axes": ["z", "y", "x"], "scale": s, "translate": t, "units": ["nm"] * 3}}
                for k, (s, t, _) in enumerate(levels)]}]}))
        for k, (scale, translation, shape) in enumerate(levels):
            write_n5_array(os.path.join(group, f"s{k}"), make(shape, k), [48, 48, 48], (scale, translation))


def write_int16(root):
    base = os.path.join(root, "vol-int16/vol-int16.zarr")
    write_group(base)
    write_image(os.path.join(base, "recon-2/em/fibsem-int16"), pyramid([2.96, 4.0, 4.0], [0.0] * 3, [141, 80, 90], 3),
                [64, 64, 64], "<i2", ZSTD, lambda shape, k: voxels(shape, "i2", k) * 50)
    write_image(os.path.join(base, "recon-2/labels/inference/segmentations/mito"),
                pyramid([11.84, 16.0, 16.0], [4.44, 6.0, 6.0], [36, 20, 23], 2), [32, 32, 32], "<u8", GZIP,
                lambda shape, k: labels(shape, "u8", 4))


def write_raw_only(root):
    base = os.path.join(root, "vol-raw/vol-raw.zarr")
    write_group(base)
    write_image(os.path.join(base, "recon-1/em/fibsem-uint8"), pyramid([8.0] * 3, [0.0] * 3, [70, 60, 50], 1),
                [32, 100, 100], "|u1", {"id": "zlib", "level": 4}, lambda shape, k: voxels(shape, "u1", k))


def write_fine(root):
    """So many chunks that the volume is worked off in several blocks; one in three is not stored."""
    base = os.path.join(root, "vol-fine/vol-fine.zarr")
    write_group(base)
    levels = pyramid([8.0] * 3, [4.0] * 3, [130, 128, 136], 1)
    group = os.path.join(base, "recon-1/em/fibsem-uint8")
    write_group(group, multiscales(levels))
    array = ArrayWriter(os.path.join(group, "s0"), levels[0][2], [8, 8, 8], "|u1", GZIP)
    values = voxels(levels[0][2], "u1", 6)
    for index in numpy.ndindex(*(-(-n // 8) for n in values.shape)):
        if sum(index) % 3:
            array.write_chunk(index, values[tuple(slice(i * 8, i * 8 + 8) for i in index)])
    write_image(os.path.join(base, "recon-1/labels/inference/segmentations/mito"), levels, [50, 60, 70], "|u1", ZSTD,
                lambda shape, k: labels(shape, "u1", 5))


def write_v3(root):
    base = os.path.join(root, "vol-v3/vol-v3.zarr/recon-1")
    for image, dtype, make in [("em/fibsem-uint8", "uint8", lambda s: voxels(s, "u1", 4)),
                               ("labels/inference/segmentations/mito", "uint16", lambda s: labels(s, "u2", 8))]:
        levels = pyramid([8.0] * 3, [12.0, 0.0, 4.0], [60, 50, 70], 1)
        group = os.path.join(base, image)
        write_text(os.path.join(group, "zarr.json"), as_one_line({
            "zarr_format": 3, "node_type": "group",
            "attributes": {"ome": {"version": "0.5", **multiscales(levels)}}}))
        values = make(levels[0][2])
        write_text(os.path.join(group, "s0/zarr.json"), as_one_line({
            "zarr_format": 3, "node_type": "array", "shape": list(values.shape), "data_type": dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [32, 32, 32]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}, "fill_value": 0,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}},
                       {"name": "gzip", "configuration": {"level": 5}}], "attributes": {}}))
        for index in numpy.ndindex(*(-(-n // 32) for n in values.shape)):
            part = values[tuple(slice(i * 32, (i + 1) * 32) for i in index)]
            full = numpy.zeros([32] * 3, values.dtype)
            full[tuple(slice(0, n) for n in part.shape)] = part
            file = os.path.join(group, "s0/c", *(str(i) for i in index))
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "wb") as out:
                out.write(gzip.compress(full.tobytes(), 5))


def write_sparse(root, edge):
    base = os.path.join(root, "vol-sparse/vol-sparse.zarr")
    write_group(base)
    for image, dtype, chunk in [("em/fibsem-uint8", "|u1", 64), ("labels/inference/segmentations/mito", "<u2", 64)]:
        group = os.path.join(base, "recon-1", image)
        shape = [edge] * 3 if image.startswith("em") else [edge // 2] * 3
        write_group(group, multiscales([([4.0] * 3 if image.startswith("em") else [8.0] * 3, [0.0] * 3, shape)]))
        array = ArrayWriter(os.path.join(group, "s0"), shape, [chunk] * 3, dtype, ZSTD)
        last = shape[0] // chunk - 1
        for index in [(0, 0, 0), (last, last, last), (last // 2, 1, last // 3), (last // 2, 1, last // 3 + 1)]:
            index = tuple(min(i, last) for i in index)
            array.write_chunk(index, voxels([chunk] * 3, dtype, sum(index)) if dtype == "|u1" else
                              labels([chunk] * 3, dtype, 9))


# Reading the store back


def read_n5(path):
    with open(os.path.join(path, "attributes.json"), encoding="utf-8") as file:
        metadata = json.load(file)
    shape, block = metadata["dimensions"][::-1], metadata["blockSize"][::-1]
    values = numpy.zeros(shape, metadata["dataType"])
    for index in numpy.ndindex(*(-(-n // b) for n, b in zip(shape, block))):
        file = os.path.join(path, *(str(i) for i in index[::-1]))
        if not os.path.exists(file):
            continue
        with open(file, "rb") as source:
            body = source.read()
        extent = struct.unpack(">III", body[4:16])[::-1]
        part = numpy.frombuffer(gzip.decompress(body[16:]), values.dtype.newbyteorder(">")).reshape(extent)
        values[tuple(slice(i * b, i * b + n) for i, b, n in zip(index, block, extent))] = part
    return values, metadata["transform"]["scale"], metadata["transform"]["translate"]


def read_array(root, dataset, path):
    """Voxels, voxel size and translation of `recon-1/em/…/s1` of a dataset, by way of the store's own metadata."""
    for container in (f"{dataset}.zarr", f"{dataset}.n5"):
        full = os.path.join(root, dataset, container, path)
        if os.path.exists(full):
            break
    group, level = os.path.split(full)
    if full.find(".n5/") >= 0:
        return read_n5(full)
    if os.path.exists(os.path.join(full, ".zarray")):
        reader = ArrayReader(full)
        with open(os.path.join(group, ".zattrs"), encoding="utf-8") as file:
            attributes = json.load(file)
        values = reader.read([0] * 3, reader.shape)
    else:
        with open(os.path.join(group, "zarr.json"), encoding="utf-8") as file:
            attributes = json.load(file)["attributes"]["ome"]
        with open(os.path.join(full, "zarr.json"), encoding="utf-8") as file:
            metadata = json.load(file)
        values = numpy.zeros(metadata["shape"], metadata["data_type"])
        for index in numpy.ndindex(*(-(-n // 32) for n in values.shape)):
            with open(os.path.join(full, "c", *(str(i) for i in index)), "rb") as file:
                part = numpy.frombuffer(gzip.decompress(file.read()), values.dtype).reshape([32] * 3)
            place = tuple(slice(i * 32, min((i + 1) * 32, n)) for i, n in zip(index, values.shape))
            values[place] = part[tuple(slice(0, s.stop - s.start) for s in place)]
    for dataset in attributes["multiscales"][0]["datasets"]:
        if dataset["path"] == level:
            transforms = {t["type"]: t[t["type"]] for t in dataset["coordinateTransformations"]}
            return values, transforms["scale"], transforms["translation"]
    raise KeyError(full)


# Resampling, axis by axis: exact because weights are products


def overlaps(count, voxel, edge, source_count, source_voxel, source_edge):
    """The overlap of each output voxel with each source voxel on one axis, in nm."""
    low = edge + voxel * numpy.arange(count)[:, None]
    source_low = source_edge + source_voxel * numpy.arange(source_count)[None, :]
    return numpy.clip(numpy.minimum(low + voxel, source_low + source_voxel) - numpy.maximum(low, source_low), 0, None)


def resample(values, scale, translation, shape, target, edge, is_label):
    source_edge = [t - s / 2 for t, s in zip(translation, scale)]
    weights = [overlaps(shape[a], target[a], edge[a], values.shape[a], scale[a], source_edge[a]) for a in range(3)]
    weights = [numpy.round(w, 6) for w in weights]
    if not is_label:
        total = numpy.einsum("az,by,cx,zyx->abc", *weights, values.astype("f8"), optimize=True)
        covered = numpy.einsum("a,b,c->abc", *(w.sum(1) for w in weights))
        return total / numpy.where(covered > 0, covered, 1), covered > 0
    best, votes = None, None
    for value in numpy.unique(values):
        here = numpy.einsum("az,by,cx,zyx->abc", *weights, (values == value).astype("f8"), optimize=True)
        if best is None:
            best, votes = numpy.full(here.shape, value, values.dtype), here
        else:
            more = here > votes + 1e-6
            best[more], votes = value, numpy.maximum(votes, here)
    return best, votes > 0


def datasets_of(file):
    found = []
    file.visititems(lambda name, node: found.append(name) if isinstance(node, h5py.Dataset) else None)
    return sorted(found)


def check(root, out, target):
    problems, count = [], 0

    def expect_origin(what, node, path):
        """What a label says about where it comes from; raw data say nothing."""
        quality, evidence = (node.attrs.get(key) for key in ("label_quality", "evidence"))
        wanted = (None, None)
        if "annotation_type" in node.attrs:
            wanted = ("groundtruth" if "/groundtruth/" in path else "inference", "stored")
        expect(what, (quality, evidence) == wanted, f"{quality} {evidence}")

    def expect(what, condition, detail=""):
        nonlocal count
        count += 1
        if not condition:
            problems.append(f"FAILED {what} {detail}")

    native = {}
    for name in sorted(os.listdir(os.path.join(out, "hdf5"))):
        dataset = name[:-3]
        with h5py.File(os.path.join(out, "hdf5", name)) as file:
            for path in datasets_of(file):
                values, scale, translation = read_array(root, dataset, path)
                node = file[path]
                expect(f"{name} {path} dtype", node.dtype == values.dtype, f"{node.dtype} {values.dtype}")
                expect(f"{name} {path} voxels", node.shape == values.shape and (node[:] == values).all())
                expect_origin(f"{name} {path} origin", node, path)
                expect(f"{name} {path} scale", numpy.allclose(node.attrs["scale"], scale))
                expect(f"{name} {path} translation", numpy.allclose(node.attrs["translation"], translation))
                native[dataset, path] = (values, scale, translation, "annotation_type" in node.attrs)
        with h5py.File(os.path.join(out, "crops", name)) as file:
            paths = [path for owner, path in native if owner == dataset]
            expect(f"crops/{name} datasets", datasets_of(file) == sorted(os.path.dirname(p) for p in paths))
            raw = next(native[dataset, p] for p in paths if not native[dataset, p][3])
            edge = [t - s / 2 for t, s in zip(raw[2], raw[1])]
            whole = [max(1, round(n * s / target)) for n, s in zip(raw[0].shape, raw[1])]
            for path in paths:
                values, scale, translation, is_label = native[dataset, path]
                node = file[os.path.dirname(path)]
                expect_origin(f"crops/{name} {path} origin", node, path)
                place = node.attrs["offset"]
                if "/groundtruth/" in path:
                    steps = [(p - e) / target for p, e in zip(place, edge)]
                    expect(f"crops/{name} {path} grid", numpy.allclose(steps, numpy.round(steps)), f"{steps}")
                else:
                    expect(f"crops/{name} {path} edge", numpy.allclose(place, edge), f"{place} {edge}")
                    expect(f"crops/{name} {path} shape", list(node.shape) == whole, f"{node.shape} {whole}")
                expect(f"crops/{name} {path} voxel", numpy.allclose(node.attrs["voxel_size"], target))
                if any(s > target * 1.001 for s in scale) and not is_label:
                    continue
                wanted, covered = resample(values, scale, translation, node.shape, [target] * 3, place, is_label)
                found = node[:]
                expect(f"crops/{name} {path} dtype", found.dtype == values.dtype)
                if is_label:
                    # Where two values share a voxel to the last digit, either order of sums may win.
                    wrong = ((found != wanted) & covered).mean()
                    expect(f"crops/{name} {path} labels", wrong == 0 if min(scale) <= target else wrong < 0.2,
                           f"{wrong}")
                else:
                    expect(f"crops/{name} {path} means", (abs(found - wanted) <= 0.5001)[covered].all(),
                           f"{abs(found - wanted)[covered].max()}")
                nothing = int(node.attrs.get("unknown", 0)) if is_label else 0
                expect(f"crops/{name} {path} beyond", (found[~covered] == nothing).all())
    for problem in problems:
        print(problem)
    print(f"{count - len(problems)} passed, {len(problems)} failed")
    return 1 if problems or not count else 0


def raw_chunks(root, out, dataset):
    """Counts chunks whose stored bytes are those of the store, and others."""
    same, others = 0, 0
    with h5py.File(os.path.join(out, "hdf5", dataset + ".h5")) as file:
        for path in datasets_of(file):
            node, folder = file[path], os.path.join(root, dataset, dataset + ".zarr", path)
            with open(os.path.join(folder, ".zarray"), encoding="utf-8") as source:
                metadata = json.load(source)
            if list(node.chunks) != metadata["chunks"]:
                print(f"FAILED {path} has chunks {node.chunks}, the store {metadata['chunks']}")
                return 1
            for number in range(node.id.get_num_chunks()):
                offset = node.id.get_chunk_info(number).chunk_offset
                index = [str(o // c) for o, c in zip(offset, node.chunks)]
                with open(os.path.join(folder, *index), "rb") as source:
                    stored = source.read()
                found = node.id.read_direct_chunk(offset)[1]
                if metadata["compressor"]["id"] == "gzip":
                    # The same deflate stream in zlib's wrapping.
                    stored, found = stored[10:-8], found[2:-4]
                same, others = same + (stored == found), others + (stored != found)
    print(f"{same} passed, {others} failed")
    return 1 if others or not same else 0


def regions(root, out):
    """Every dataset of the regions' files lies where its translation says, and holds what the store has there."""
    count, wrong = 0, 0
    for dataset, prefix, raw, mito in [
            ("vol-zarr", "recon-1/", "em/fibsem-uint8/s1", "labels/inference/segmentations/mito/s0"),
            ("vol-n5", "", "em/fibsem-uint16/s1", "labels/mito_seg/s1")]:
        with h5py.File(os.path.join(out, "hdf5", f"region_{dataset}_1.h5")) as file:
            for path, source in (("raw_crop", raw), ("label_crop/mito", mito)):
                values, scale, translation = read_array(root, dataset, prefix + source)
                node = file[path]
                names = file["raw"] == file["raw_crop"] and file["labels/mito"] == file["label_crop/mito"]
                start = [(a - b) / s for a, b, s in zip(node.attrs["translation"], translation, scale)]
                box = tuple(slice(round(a), round(a) + n) for a, n in zip(start, node.shape))
                good = (names and numpy.allclose(start, numpy.round(start)) and node.dtype == values.dtype
                        and values[box].shape == node.shape and (values[box] == node[:]).all() and node[:].any())
                count, wrong = count + 1, wrong + (not good)
                if not good:
                    print(f"FAILED {dataset} {path} at {start}, {node.shape}")
    print(f"{count - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["write", "check", "sparse", "regions", "raw-chunks"])
    parser.add_argument("root")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--target", type=float, default=8.0)
    options = parser.parse_args()
    if options.verb == "write":
        for write in (write_zarr, write_n5, write_int16, write_raw_only, write_v3, write_fine):
            write(options.root)
    elif options.verb == "sparse":
        write_sparse(options.root, int(options.rest[0]))
    elif options.verb == "check":
        sys.exit(check(options.root, options.rest[0], options.target))
    elif options.verb == "regions":
        sys.exit(regions(options.root, *options.rest))
    else:
        sys.exit(raw_chunks(options.root, *options.rest))


if __name__ == "__main__":
    main()
