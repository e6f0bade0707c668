"""Crops that are easy to get wrong, for the replica: what nobody annotated, what is too coarse, 255 as an object, overlaps.

Their shapes and places are made up, in the raw volumes of the replica. All lie in one dataset but the one off the coarse grid.
"""

import itertools
import os

import numpy

import synthetic
from zarr_files import ArrayWriter, write_group

CHUNKS = [16, 16, 16]
ZSTD = {"id": "zstd", "level": 6}
LIVER = "jrc_mus-liver"
INSTANCES = {"absent": 0, "unknown": 255}

# `start` is where the box begins in raw s0, of 8 nm in the liver and of 4 nm in the fly. `made` is what the job for mito at 8 nm makes of it.
CROPS = [
    dict(id=801, voxel=32.0, start=[4800, 5600, 3200], shape=[10, 12, 14], classes=["all"], what="coarse"),
    dict(id=802, voxel=8.0, start=[4810, 5610, 3310], shape=[20, 24, 22], classes=["nuc"], what="nucleus"),
    dict(id=803, voxel=8.0, start=[4850, 5610, 3310], shape=[20, 24, 22], classes=["all", "nuc"], what="nucleus"),
    dict(id=804, voxel=8.0, start=[4900, 5610, 3310], shape=[40, 40, 40], classes=["mito"], what="many", unknown=0),
    dict(id=805, voxel=8.0, start=[4443, 5716, 3322], shape=[40, 48, 40], classes=["all"], what="cell"),
    dict(id=806, voxel=8.0, start=[4463, 5716, 3322], shape=[40, 48, 40], classes=["all", "mito"], what="cell"),
    dict(id=807, voxel=8.0, start=[5000, 5610, 3310], shape=[40, 40, 40], classes=["mito"], what="many", unknown=None),
    dict(id=808, voxel=8.0, start=[5060, 5610, 3310], shape=[24, 24, 24], classes=["all", "mito"], what="gaps"),
    dict(id=809, voxel=8.0, start=[8915, 5610, 3310], shape=[20, 16, 18], classes=["all"], what="cell"),
    dict(id=810, dataset="jrc_fly-vnc-1", voxel=2.0, start=[301, 203, 401], shape=[60, 62, 64], classes=["all"],
         what="cell", levels=4),
    dict(id=811, voxel=4.0, start=[5100, 5610, 3310], shape=[80, 80, 80], classes=["mito"], what="many", unknown=0,
         levels=2),
]


def raw_voxel(crop):
    return 4.0 if crop.get("dataset") == "jrc_fly-vnc-1" else 8.0


def edge(crop):
    return [(s - 0.5) * raw_voxel(crop) for s in crop["start"]]


def blocks(shape, count):
    """Ids 1 to `count` in cubes of 4 voxels, which do not touch."""
    out = numpy.zeros(shape, dtype="<u2")
    places = itertools.product(*(range(0, n - 3, 5) for n in shape))
    for number, (z, y, x) in enumerate(itertools.islice(places, count), 1):
        out[z:z + 4, y:y + 4, x:x + 4] = number
    assert out.max() == count, "no room for all ids"
    return out


def voxels(crop, name, voxel, translation, shape):
    """What a class holds at one level."""
    what = crop["what"]
    if what == "nucleus":
        out = numpy.full(shape, 1 if name == "nuc" else 37, dtype="|u1")
        out[: shape[0] // 2] = 0
        return out
    if what == "many":
        return blocks(shape, 454)
    extent = [n * crop["voxel"] for n in crop["shape"]]
    cell = synthetic.Cell(crop["id"], edge(crop), extent, 6)
    if name == "mito":
        # Nothing but unknown and absent voxels: the class is made from `all`.
        out = numpy.zeros(shape, dtype="|u1")
        out[:, : shape[1] // 3] = 255
        return out
    out = cell.everything([voxel] * 3, translation, shape)
    if what == "gaps":
        out[:, :, : shape[2] // 2] = 0
    return out


def annotation(name, counts):
    if name == "all":
        return {}
    block = {"annotation_type": {"encoding": INSTANCES, "type": "instance_segmentation"}, "class_name": name}
    return {"cellmap": {"annotation": {**block, **counts}}}


def write_awkward(root, multiscales, pyramid):
    """Writes the labels. Returns the boxes of raw s0 that they need, by dataset."""
    boxes = []
    for crop in CROPS:
        dataset = crop.get("dataset", LIVER)
        group = os.path.join(root, dataset, dataset + ".zarr", "recon-1/labels/groundtruth", f"crop{crop['id']}")
        write_group(group)
        translation = [e + crop["voxel"] / 2 for e in edge(crop)]
        levels = pyramid([crop["voxel"]] * 3, translation, crop["shape"], crop.get("levels", 1), "ceil")
        for name in crop["classes"]:
            path = os.path.join(group, name)
            write_group(path, {**annotation(name, {}), **multiscales(levels, "nominal")})
            for level, (voxel, place, shape) in enumerate(levels):
                counts = {}
                if "unknown" in crop:
                    is_counted = crop["unknown"] is not None and level == 0
                    counts = {"complement_counts": {"absent": 1, "unknown": crop["unknown"]} if is_counted else None}
                values = voxels(crop, name, voxel[0], place, shape)
                attributes = annotation(name, counts) or None
                ArrayWriter(os.path.join(path, f"s{level}"), shape, CHUNKS, values.dtype.str, ZSTD, "/", attributes
                            ).write_all(values)
        size = [n * crop["voxel"] / raw_voxel(crop) for n in crop["shape"]]
        boxes.append((dataset, crop["start"], [int(s + n) + 1 for s, n in zip(crop["start"], size)]))
    return boxes
