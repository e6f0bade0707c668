"""Writes a bucket of one dataset with many small crops, none of which shares a chunk with another.

    bucket.py OUT_DIR [--crops 40]

Every crop is a cube of 26 to 48 voxels of 8 nm in a cell of its own of 96 voxels, so that each needs up to 8 raw chunks and as
many of its label.
"""

import argparse
import json
import os
import sys

import numpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "EndToEndTests"))

import synthetic  # noqa: E402
from zarr_files import ArrayWriter, write_group  # noqa: E402

BUCKET = "cluster-test"
DATASET = "many_crops"
VOXEL = 8.0
CELL, CHUNK = 96, 32
ZSTD = {"id": "zstd", "level": 1}


def multiscales(translation):
    return {"multiscales": [{
        "axes": [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"],
        "datasets": [{"coordinateTransformations": [
            {"scale": [VOXEL] * 3, "type": "scale"}, {"translation": translation, "type": "translation"}], "path": "s0"}],
        "name": "", "version": "0.4"}]}


def crop_box(number):
    """First voxel and voxels per axis of a crop in the raw array."""
    cell = numpy.array([number // 20, number // 5 % 4, number % 5])
    size = 26 + number * 7 % 23
    return [int(c) for c in cell * CELL + 16], [size, size, 48]


def write(out, crops):
    root = os.path.join(out, BUCKET, DATASET, DATASET + ".zarr")
    for name in ("", "recon-1", "recon-1/em", "recon-1/labels", "recon-1/labels/groundtruth"):
        write_group(os.path.join(root, name).rstrip("/"))
    image = os.path.join(root, "recon-1/em/fibsem-uint8")
    write_group(image, multiscales([0.0] * 3))
    shape = [CELL * n for n in (-(-crops // 20), 4, 5)]
    raw = ArrayWriter(os.path.join(image, "s0"), shape, [CHUNK] * 3, "|u1", ZSTD)
    for number in range(crops):
        first, size = crop_box(number)
        ranges = [range(a // CHUNK, -(-(a + n) // CHUNK)) for a, n in zip(first, size)]
        for offset in numpy.ndindex(*[len(r) for r in ranges]):
            index = [r[i] for r, i in zip(ranges, offset)]
            start = [i * CHUNK for i in index]
            raw.write_chunk(index, synthetic.raw(start, [s + CHUNK for s in start], [VOXEL] * 3, [0.0] * 3, 0))
        group = os.path.join(root, f"recon-1/labels/groundtruth/crop{number + 1}")
        write_group(group)
        translation = [VOXEL * a for a in first]
        write_group(os.path.join(group, "mito"), multiscales(translation))
        edge = numpy.array(translation) - VOXEL / 2
        cell = synthetic.Cell(number, edge, numpy.array(size) * VOXEL, 6)
        values = cell.mito([VOXEL] * 3, translation, size, "|u1", range(1, 7), unknown=False)
        ArrayWriter(os.path.join(group, "mito/s0"), size, [CHUNK] * 3, "|u1", ZSTD).write_all(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--crops", type=int, default=40)
    options = parser.parse_args()
    write(options.out, options.crops)
    print(json.dumps({"bucket": BUCKET, "dataset": DATASET, "crops": options.crops}))


if __name__ == "__main__":
    main()
