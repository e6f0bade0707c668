"""Makes the benchmark's data, the same bytes each time: `data.py KIND DEST`. What is there already is left alone.

    datasets DEST --datasets 60 --crops 300    DEST/bench, a bucket for a walk: metadata as in the public one, hardly a chunk
    objects DEST --crops 20 --grid 5x5x4 --chunk 100x100x100    DEST/bench, crops whose raw data are `grid` chunks of random bytes
                                               each, stored as they are; DEST/keys.txt, the keys of these
    crops DEST --crops 20 --edge 400           DEST/bench, for a whole job: raw, `mito` and `all` at 4 nm
    items DEST --items 10000                   DEST/bench, crops of 8³ voxels in 20 datasets
    sparse DEST --shape 1024x1024x1024         DEST/bench, a raw volume and a segmentation with one chunk in 64 stored
    volume DEST --shape 1024x1024x1024 --dtype u1 --codec zstd    one Zarr v2 array with all of its chunks
    array DEST.npy --shape 512x512x512 --dtype u1 --what raw      one array in numpy's format, raw data or labels

DEST.complete says with which arguments DEST was made; where these are others, or it is missing, DEST is made anew.
The last line on stdout is a JSON object with the seconds it took and whether anything was made.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import shutil
import time


def extents(text):
    """The three numbers of `5x5x4`, or one for all axes."""
    numbers = [int(n) for n in text.split("x")]
    if len(numbers) not in (1, 3) or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text}: three positive numbers such as 5x5x4 expected")
    return numbers * 3 if len(numbers) == 1 else numbers


def write_volume_chunk(job):
    import buckets
    import specimen
    path, index, shape, chunk, dtype, codec, what = job
    block = specimen.label_block if what == "labels" else specimen.em_block
    values = block(index, chunk, dtype)
    for axis, (i, n, c) in enumerate(zip(index, shape, chunk)):
        values[tuple(slice(None) for _ in range(axis)) + (slice(max(0, n - i * c), None),)] = 0
    buckets.write_chunk(path, index, buckets.encoded(values, codec))


def write_volume(path, shape, dtype, codec, chunk, what):
    import buckets
    import specimen
    tile = specimen.label_tile if what == "labels" else specimen.em_tile
    tile()
    codec = {"zstd": buckets.ZSTD, "blosc": buckets.BLOSC_ZSTD, "blosc-lz4": buckets.BLOSC_LZ4, "none": None}[codec]
    buckets.write_array(path, shape, chunk, dtype, codec)
    indices = buckets.chunk_indices([0] * 3, shape, chunk)
    buckets.in_two_processes(write_volume_chunk, [(path, i, shape, chunk, dtype, codec, what) for i in indices])


def fill_block(job):
    import numpy
    import specimen
    path, index, dtype, what = job
    out = numpy.load(path, mmap_mode="r+")
    edge = specimen.EDGE
    box = tuple(slice(i * edge, min((i + 1) * edge, n)) for i, n in zip(index, out.shape))
    block = specimen.label_block if what == "labels" else specimen.em_block
    count = max(-(-n // edge) for n in out.shape)
    shape = [s.stop - s.start for s in box]
    out[box] = block(index, shape, dtype, count) if what == "labels" else block(index, shape, dtype)


def write_npy(path, shape, dtype, what):
    import numpy
    import specimen
    if what == "raw" and dtype not in ("u1", "u2"):
        raise SystemExit(f"raw data are u1 or u2, not {dtype}")
    tile = specimen.label_tile if what == "labels" else specimen.em_tile
    tile()
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    numpy.lib.format.open_memmap(path, "w+", dtype, tuple(shape)).flush()
    jobs = [(path, index, dtype, what) for index in itertools.product(*(range(-(-n // specimen.EDGE)) for n in shape))]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(fill_block, jobs, chunksize=1)


def make(options):
    import buckets
    root, kind = os.path.join(options.dest, "bench"), options.kind
    if kind == "datasets":
        buckets.write_datasets(root, options.datasets * options.scale, options.crops * options.scale)
    elif kind == "objects":
        keys = buckets.write_objects(root, options.crops, options.grid, options.chunk)
        buckets.write_file(os.path.join(options.dest, "keys.txt"), "".join(f"{key}\n" for key in keys).encode())
    elif kind == "crops":
        buckets.write_crops(root, options.crops, options.edge, options.raw_chunk)
    elif kind == "items":
        buckets.write_items(root, options.items)
    elif kind == "sparse":
        buckets.write_sparse(root, options.shape)
    elif kind == "volume":
        write_volume(options.dest, options.shape, options.dtype, options.codec, options.chunk, options.what)
    else:
        write_npy(options.dest, options.shape, options.dtype, options.what)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)

    def kind(name, **options):
        one = kinds.add_parser(name)
        one.add_argument("dest")
        for option, (parse_as, default) in options.items():
            choices = parse_as if isinstance(parse_as, list) else None
            one.add_argument("--" + option.replace("_", "-"), type=None if choices else parse_as, choices=choices,
                             default=default)

    whats = (["raw", "labels"], "raw")
    dtypes = (["u1", "u2", "u4", "u8"], "u1")
    kind("datasets", datasets=(int, 60), crops=(int, 300), scale=(int, 1))
    kind("objects", crops=(int, 20), grid=(extents, [5, 5, 4]), chunk=(extents, [100] * 3))
    kind("crops", crops=(int, 20), edge=(int, 400), raw_chunk=(int, 64))
    kind("items", items=(int, 10000))
    kind("sparse", shape=(extents, [1024] * 3))
    kind("volume", shape=(extents, [1024] * 3), dtype=dtypes, what=whats, chunk=(extents, [128] * 3),
         codec=(["zstd", "blosc", "blosc-lz4", "none"], "zstd"))
    kind("array", shape=(extents, [512] * 3), dtype=dtypes, what=whats)
    return parser.parse_args()


def main():
    options = parse()
    options.dest = options.dest.rstrip("/")
    arguments = json.dumps({key: value for key, value in vars(options).items() if key != "dest"}, sort_keys=True)
    mark = options.dest + ".complete"
    start = time.perf_counter()
    made = True
    if os.path.exists(options.dest) and os.path.exists(mark):
        with open(mark, encoding="utf-8") as file:
            made = file.read() != arguments
    if made:
        if os.path.lexists(mark):
            os.remove(mark)
        if os.path.isdir(options.dest):
            shutil.rmtree(options.dest)
        make(options)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(arguments)
    print(json.dumps({"kind": options.kind, "dest": options.dest, "made": made,
                      "seconds": round(time.perf_counter() - start, 3)}))


if __name__ == "__main__":
    main()
