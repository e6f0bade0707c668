"""Buckets in OpenOrganelle's layout, as plain files: groups, arrays and chunks, with the metadata the public bucket has.

Each function named `write_…` makes one kind of bucket below its `root`; `data.py` says which kinds there are. Everything that
takes long is handed to two processes, one dataset or crop at a time.
"""

import functools
import itertools
import json
import multiprocessing
import os

import numcodecs
import numpy

import specimen

ZSTD = {"id": "zstd", "level": 5}
BLOSC_ZSTD = {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1, "blocksize": 0}
BLOSC_LZ4 = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}
CLASSES = ["all", "mito", "er", "nuc", "cell", "pm", "ves", "endo", "lyso", "ld", "mito_mem", "mito_lum"]
INSTANCES = {"mito", "nuc", "cell", "ves", "endo", "lyso", "ld"}


def write_file(path, body):
    try:
        file = open(path, "wb")
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = open(path, "wb")
    with file:
        file.write(body)


def write_json(path, value):
    write_file(path, json.dumps(value, separators=(",", ":")).encode())


def write_group(path, attributes=None):
    write_json(f"{path}/.zgroup", {"zarr_format": 2})
    if attributes is not None:
        write_json(f"{path}/.zattrs", attributes)


def write_array(path, shape, chunks, dtype, compressor, attributes=None):
    write_json(f"{path}/.zarray", {
        "chunks": list(chunks), "compressor": compressor, "dimension_separator": "/", "dtype": numpy.dtype(dtype).str,
        "fill_value": 0, "filters": None, "order": "C", "shape": list(shape), "zarr_format": 2})
    if attributes is not None:
        write_json(f"{path}/.zattrs", attributes)


def encoded(values, compressor):
    body = numpy.ascontiguousarray(values)
    return body.tobytes() if compressor is None else bytes(numcodecs.get_codec(compressor).encode(body))


def write_chunk(path, index, body):
    write_file("/".join([path, *map(str, index)]), body)


def chunk_indices(first, stop, chunks):
    """The index of each chunk that the box [first, stop) touches."""
    return itertools.product(*(range(a // c, -(-b // c)) for a, b, c in zip(first, stop, chunks)))


def pyramid(voxel, translation, shape, count):
    """[(voxel size, translation, shape)] of each level, in nm and voxels; shapes are rounded up."""
    return [([v * 2**k for v in voxel], [t + v * (2**k - 1) / 2 for t, v in zip(translation, voxel)],
             [max(1, -(-n // 2**k)) for n in shape]) for k in range(count)]


def multiscales(levels, name=""):
    return {"multiscales": [{
        "axes": [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"],
        "coordinateTransformations": [{"scale": [1.0, 1.0, 1.0], "type": "scale"}],
        "datasets": [{"coordinateTransformations": [
            {"scale": voxel, "type": "scale"}, {"translation": translation, "type": "translation"}], "path": f"s{k}"}
            for k, (voxel, translation, _) in enumerate(levels)],
        "metadata": None, "name": name, "type": None, "version": "0.4"}]}


def annotation(name):
    """The `cellmap` block of a label class; `all` has none."""
    if name == "all":
        return {}
    encoding = {"absent": 0, "unknown": 255} if name in INSTANCES else {"absent": 0, "present": 1, "unknown": 255}
    kind = "instance_segmentation" if name in INSTANCES else "semantic_segmentation"
    return {"cellmap": {"annotation": {"annotation_type": {"encoding": encoding, "type": kind}, "class_name": name}}}


def write_crop_group(path, name, classes):
    write_group(path, {"cellmap": {"annotation": {
        "class_names": classes, "created_by": [], "created_with": [], "description": "", "duration_days": None,
        "end_date": None, "name": name, "protocol_uri": None, "start_date": None, "version": "0.1.1"}}})


def write_image(path, levels, chunks, dtype, compressor, body=None, attributes=None, name=""):
    """A multiscale group; with `body` the first chunk of each level is stored."""
    write_group(path, {**(attributes or {}), **multiscales(levels, name)})
    for k, (_, _, shape) in enumerate(levels):
        write_array(f"{path}/s{k}", shape, chunks, dtype, compressor, attributes)
        if body is not None:
            write_chunk(f"{path}/s{k}", (0, 0, 0), body)


def start_dataset(root, dataset):
    """The groups above the images of a dataset; returns the path of its `recon-1`."""
    zarr = f"{root}/{dataset}/{dataset}.zarr"
    for folder in ("", "/recon-1", "/recon-1/em", "/recon-1/labels", "/recon-1/labels/groundtruth"):
        write_group(zarr + folder)
    return f"{zarr}/recon-1"


def in_two_processes(work, jobs):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for _ in pool.imap_unordered(work, jobs):
            pass


# Datasets: what a walker meets


@functools.cache
def small_bodies():
    """One stored chunk of a raw and of a label array."""
    raw = numpy.full((64, 128, 128), 120, numpy.uint8)
    raw[::8, ::8] = 90
    labels = numpy.zeros((64, 64, 64), numpy.uint8)
    labels[10:40, 20:30, 5:50] = 1
    return encoded(raw, ZSTD), encoded(labels, ZSTD)


def write_dataset(job):
    root, number, crops = job
    raw_body, label_body = small_bodies()
    dataset = f"bench_dataset-{number + 1}"
    recon = start_dataset(root, dataset)
    voxel = [[8.0] * 3, [4.0] * 3, [5.24, 4.0, 4.0]][number % 3]
    levels = pyramid(voxel, [0.0] * 3, [3000, 2600, 4100], 7)
    write_image(f"{recon}/em/fibsem-uint8", levels, [64, 128, 128], "u1", ZSTD, raw_body)
    if number % 3 == 0:
        write_image(f"{recon}/em/fibsem-uint16", levels, [64, 128, 128], "u2", ZSTD)
    for crop in crops:
        folder = f"{recon}/labels/groundtruth/crop{crop}"
        write_crop_group(folder, f"crop{crop}", CLASSES)
        # Twice as fine as the raw data, as most of the public crops are, and on its voxel edges.
        first = [200 + 300 * (crop % 5), 150 + 17 * (crop % 7), 400]
        grid = pyramid([v / 2 for v in voxel], [v * f - v / 4 for v, f in zip(voxel, first)], [200, 400, 400], 3)
        for name in CLASSES:
            write_image(f"{folder}/{name}", grid, [64] * 3, "u1", ZSTD, label_body, annotation(name), "nominal")
    write_group(f"{recon}/labels/inference")
    write_group(f"{recon}/labels/inference/segmentations")
    for name in ("mito", "er"):
        write_image(f"{recon}/labels/inference/segmentations/{name}", levels[2:5], [64] * 3, "u1", ZSTD, label_body)
    write_json(f"{root}/{dataset}/{dataset}.n5/attributes.json", {"n5": "2.5.0"})
    write_json(f"{root}/{dataset}/{dataset}.n5/em/fibsem-uint16/attributes.json", {"axes": ["x", "y", "z"]})
    write_json(f"{root}/{dataset}/neuroglancer/viewer_states/default.json", {})
    write_file(f"{root}/{dataset}/thumbnail.jpg", b"not a picture")


def write_datasets(root, datasets, crops):
    small_bodies()
    numbers = numpy.array_split(numpy.arange(1, crops + 1), datasets)
    in_two_processes(write_dataset, [(root, k, numbers[k].tolist()) for k in range(datasets)])


# Objects: crops that are nothing but raw chunks


def write_objects_of_crop(job):
    path, number, grid, chunk = job
    random = numpy.random.default_rng([3, number])
    size = int(numpy.prod(chunk))
    keys = []
    for index in itertools.product(*map(range, grid)):
        index = (index[0] + number * grid[0], *index[1:])
        write_chunk(path, index, random.bytes(size))
        keys.append("/".join(map(str, index)))
    return keys


def write_objects(root, crops, grid, chunk, datasets=4):
    """Crops stacked in z without a gap, raw chunks of random bytes; returns the keys of these."""
    shape = [g * c for g, c in zip(grid, chunk)]
    labels = numpy.zeros(shape, numpy.uint8)
    for k in range(5):
        labels[tuple(slice(n * (k + 1) // 7, n * (k + 1) // 7 + max(1, n // 10)) for n in shape)] = k + 1
    body, keys = encoded(labels, ZSTD), []
    for k, numbers in enumerate(numpy.array_split(numpy.arange(1, crops + 1), min(datasets, crops))):
        dataset = f"bench_objects-{k + 1}"
        recon = start_dataset(root, dataset)
        raw = f"{recon}/em/fibsem-uint8"
        write_image(raw, [([8.0] * 3, [0.0] * 3, [shape[0] * len(numbers), *shape[1:]])], chunk, "u1", None)
        for place, crop in enumerate(numbers):
            folder = f"{recon}/labels/groundtruth/crop{crop}"
            write_crop_group(folder, f"crop{crop}", ["mito"])
            write_image(f"{folder}/mito", [([8.0] * 3, [8.0 * place * shape[0], 0.0, 0.0], shape)], shape, "u1", ZSTD,
                        body, annotation("mito"), "nominal")
        with multiprocessing.get_context("fork").Pool(2) as pool:
            jobs = [(f"{raw}/s0", place, grid, chunk) for place in range(len(numbers))]
            prefix = os.path.relpath(f"{raw}/s0", root)
            keys += [f"{prefix}/{key}" for found in pool.imap(write_objects_of_crop, jobs) for key in found]
    return keys


# Crops: a whole job at 4 nm


def write_chunk_job(job):
    path, index, chunk, dtype, is_label = job
    block = specimen.label_block if is_label else specimen.em_block
    write_chunk(path, index, encoded(block(index, chunk, dtype), ZSTD))


def write_crop(job):
    """Labels of one crop; `mito` and `all` are of the same instances."""
    folder, number, first, edge = job
    write_crop_group(folder, f"crop{number}", ["all", "mito"])
    levels = [([4.0] * 3, [4.0 * f for f in first], [edge] * 3)]
    for name, dtype in (("mito", "u2"), ("all", "u1")):
        write_image(f"{folder}/{name}", levels, [64] * 3, dtype, ZSTD, None, annotation(name), "nominal")
    values = specimen.label_block((number,), [edge] * 3)
    for index in chunk_indices([0] * 3, [edge] * 3, [64] * 3):
        here = values[tuple(slice(i * 64, i * 64 + 64) for i in index)]
        full = numpy.zeros([64] * 3, numpy.uint16)
        full[tuple(slice(0, n) for n in here.shape)] = here
        write_chunk(f"{folder}/mito/s0", index, encoded(full, ZSTD))
        write_chunk(f"{folder}/all/s0", index, encoded(numpy.where(full, 4, 35).astype("u1"), ZSTD))


def write_crops(root, crops, edge, raw_chunk, datasets=4):
    specimen.em_tile(), specimen.label_tile()
    chunks, crop_jobs, chunk_jobs = [raw_chunk] * 3, [], []
    for k, numbers in enumerate(numpy.array_split(numpy.arange(1, crops + 1), min(datasets, crops))):
        recon = start_dataset(root, f"bench_crops-{k + 1}")
        raw = f"{recon}/em/fibsem-uint8"
        pitch = -(-edge // raw_chunk) * raw_chunk + 2 * raw_chunk
        shape = [pitch * len(numbers) + raw_chunk, pitch, pitch]
        write_image(raw, [([4.0] * 3, [0.0] * 3, shape)], chunks, "u1", ZSTD)
        for place, crop in enumerate(numbers.tolist()):
            first = [pitch * place + raw_chunk // 2, raw_chunk // 2, raw_chunk // 2]
            crop_jobs.append((f"{recon}/labels/groundtruth/crop{crop}", crop, first, edge))
            for index in chunk_indices(first, [f + edge for f in first], chunks):
                chunk_jobs.append((f"{raw}/s0", index, chunks, "u1", False))
    in_two_processes(write_crop, crop_jobs)
    in_two_processes(write_chunk_job, chunk_jobs)


# Items: very many tiny crops


def write_items_of_dataset(job):
    root, number, crops = job
    recon = start_dataset(root, f"bench_items-{number + 1}")
    raw = specimen.em_block((number, 0, 0), [64] * 3)
    write_image(f"{recon}/em/fibsem-uint8", [([8.0] * 3, [0.0] * 3, [64] * 3)], [64] * 3, "u1", ZSTD, encoded(raw, ZSTD))
    labels = numpy.zeros([8] * 3, numpy.uint8)
    labels[2:6, 1:7, 3:5] = 1
    body = encoded(labels, ZSTD)
    for crop in crops:
        folder = f"{recon}/labels/groundtruth/crop{crop}"
        write_crop_group(folder, f"crop{crop}", ["mito"])
        place = [8.0 * ((crop * step) % 56) for step in (1, 5, 11)]
        write_image(f"{folder}/mito", [([8.0] * 3, place, [8] * 3)], [8] * 3, "u1", ZSTD, body, annotation("mito"))


def write_items(root, items, datasets=20):
    specimen.em_tile()
    numbers = numpy.array_split(numpy.arange(1, items + 1), min(datasets, items))
    in_two_processes(write_items_of_dataset, [(root, k, n.tolist()) for k, n in enumerate(numbers)])


# Sparse: a volume of which little is stored


def write_sparse(root, shape, chunk=128, one_in=64):
    specimen.em_tile(), specimen.label_tile()
    recon, jobs = start_dataset(root, "bench_sparse-1"), []
    for folder in ("labels/inference", "labels/inference/segmentations"):
        write_group(f"{recon}/{folder}")
    for image, dtype in (("em/fibsem-uint8", "u1"), ("labels/inference/segmentations/mito", "u2")):
        path, is_label = f"{recon}/{image}", dtype == "u2"
        write_image(path, [([4.0] * 3, [0.0] * 3, shape)], [chunk] * 3, dtype, ZSTD)
        for place, index in enumerate(chunk_indices([0] * 3, shape, [chunk] * 3)):
            if place % one_in == one_in // 2 or place == 0:
                jobs.append((f"{path}/s0", index, [chunk] * 3, dtype, is_label))
    in_two_processes(write_chunk_job, jobs)
