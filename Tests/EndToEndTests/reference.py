"""What the outputs must be, worked out from the bucket's files alone: levels, boxes, exact means, majorities.

Positions are `fractions.Fraction` nanometres and weights are integers, so that nothing here depends on rounding.

    reference.py REPLICA_DIR [--target NM] [--self-test CROP_TABLE]   prints the choice for every crop
"""

import argparse
import csv
import dataclasses
import json
import math
import os
import re
from fractions import Fraction

import numpy

from zarr_files import ArrayReader

AXES = range(3)
DERIVE = {"mito": {"from": "all", "ids": [3, 4, 5, 50], "instances": True}}


def exact(value):
    """The decimal number which a float of the metadata stands for."""
    return Fraction(value).limit_denominator(10**6)


@dataclasses.dataclass(frozen=True)
class Grid:
    """Shape, voxel size and centre of the first voxel, z y x, in exact nanometres."""

    shape: tuple
    voxel: tuple
    translation: tuple

    @property
    def edge(self):
        return tuple(t - v / 2 for t, v in zip(self.translation, self.voxel))

    @property
    def extent(self):
        return tuple(n * v for n, v in zip(self.shape, self.voxel))

    def cut(self, start, stop):
        shape = tuple(b - a for a, b in zip(start, stop))
        return Grid(shape, self.voxel, tuple(t + a * v for t, a, v in zip(self.translation, start, self.voxel)))


class Image:
    """One multiscale group of the replica."""

    def __init__(self, path):
        self.path = path
        with open(os.path.join(path, ".zattrs"), encoding="utf-8") as file:
            self.attributes = json.load(file)
        self.levels = []
        for dataset in self.attributes["multiscales"][0]["datasets"]:
            transforms = {t["type"]: t[t["type"]] for t in dataset["coordinateTransformations"]}
            array = ArrayReader(os.path.join(path, dataset["path"]))
            voxel, translation = (tuple(map(exact, transforms[kind])) for kind in ("scale", "translation"))
            grid = Grid(array.shape, voxel, translation)
            self.levels.append((dataset["path"], grid, array))

    @property
    def annotation(self):
        return self.attributes.get("cellmap", {}).get("annotation", {}).get("annotation_type")


class Crop:
    """One ground-truth crop with its classes and the raw image of its own alignment."""

    def __init__(self, bucket, dataset, recon, folder):
        self.id, self.dataset, self.recon = int(folder[4:]), dataset, recon
        self.prefix = f"{dataset}/{dataset}.zarr/{recon}"
        self.path = os.path.join(bucket, self.prefix, "labels/groundtruth", folder)
        em = os.path.join(bucket, self.prefix, "em")
        self.raw_name = [name for name in sorted(os.listdir(em)) if os.path.isdir(os.path.join(em, name))][0]
        self.raw = Image(os.path.join(em, self.raw_name))
        self.classes = sorted(name for name in os.listdir(self.path) if os.path.isdir(os.path.join(self.path, name)))
        self.folder = folder

    def label(self, name):
        return Image(os.path.join(self.path, name))


def crops(bucket, datasets=None):
    """Every crop of the named datasets (of all but the hostile one if none are named), by id."""
    found = []
    for dataset in datasets or sorted(set(os.listdir(bucket)) - {"jrc_hostile"}):
        zarr = os.path.join(bucket, dataset, dataset + ".zarr")
        for recon in sorted(os.listdir(zarr)) if os.path.isdir(zarr) else []:
            truth = os.path.join(zarr, recon, "labels/groundtruth")
            for folder in sorted(os.listdir(truth)) if os.path.isdir(truth) else []:
                if re.fullmatch(r"crop[0-9]{1,9}", folder):
                    found.append(Crop(bucket, dataset, recon, folder))
    return sorted(found, key=lambda crop: crop.id)


# Level choice.


def same_size(a, b):
    return all(abs(x - y) <= Fraction(1, 1000) * max(x, y) for x, y in zip(a, b))


def coarsest_below(sizes, target, tolerance):
    """The index of the coarsest size which is below the threshold on every axis, else of the finest."""
    volume = lambda index: math.prod(sizes[index])
    limits = [2 * (1 - exact(tolerance)) * t for t in target]
    fitting = [i for i, size in enumerate(sizes) if all(v < limit for v, limit in zip(size, limits))]
    return max(fitting, key=volume) if fitting else min(range(len(sizes)), key=volume)


def choose(crop, target, tolerance=0.4):
    """(raw level, label level) as indices: the pair of equal voxel size nearest the target, else each alone."""
    raw = [grid.voxel for _, grid, _ in crop.raw.levels]
    label = [grid.voxel for _, grid, _ in crop.label(crop.classes[0]).levels]
    pairs = [(r, g) for r, a in enumerate(raw) for g, b in enumerate(label) if same_size(a, b)]
    if pairs:
        return pairs[coarsest_below([raw[r] for r, _ in pairs], target, tolerance)]
    return coarsest_below(raw, target, tolerance), coarsest_below(label, target, tolerance)


# Boxes.


def box(raw, label):
    """The labels' box in the raw level, [start, stop): nearest integers, or outwards where 0.02 voxel is not enough."""
    start, stop = [], []
    for axis in AXES:
        low = (label.edge[axis] - raw.edge[axis]) / raw.voxel[axis]
        high = low + label.extent[axis] / raw.voxel[axis]
        near = lambda x: math.floor(x + Fraction(1, 2))
        apart = lambda x: abs(x - near(x)) > Fraction(2, 100)
        outwards = apart(low) or apart(high)
        start.append(math.floor(low + Fraction(2, 100)) if outwards else near(low))
        stop.append(math.ceil(high - Fraction(2, 100)) if outwards else near(high))
    return start, stop


# What a file must hold at native resolution.


def components(mask):
    """Connected components over faces, uint32 ids from 1 in scan order of their first voxels."""
    index = numpy.arange(mask.size).reshape(mask.shape)
    edges = []
    for axis in AXES:
        low = tuple(slice(0, -1) if a == axis else slice(None) for a in AXES)
        high = tuple(slice(1, None) if a == axis else slice(None) for a in AXES)
        both = mask[low] & mask[high]
        edges.append(numpy.stack([index[low][both], index[high][both]]))
    a, b = numpy.concatenate(edges, axis=1)
    parent = numpy.arange(mask.size)
    while True:
        ra, rb = parent[a], parent[b]
        if (ra == rb).all():
            break
        numpy.minimum.at(parent, numpy.maximum(ra, rb), numpy.minimum(ra, rb))
        while True:
            shorter = parent[parent]
            if (shorter == parent).all():
                break
            parent = shorter
    out = numpy.zeros(mask.size, dtype=numpy.uint32)
    roots, ids = numpy.unique(parent[mask.ravel()], return_inverse=True)
    assert len(roots) < 2**32
    out[mask.ravel()] = ids + 1
    return out.reshape(mask.shape)


@dataclasses.dataclass
class Label:
    values: numpy.ndarray
    grid: Grid
    annotation: dict
    source: str
    derived_from: str = ""


@dataclasses.dataclass
class Native:
    """One crop at native resolution."""

    crop: Crop
    em_level: str
    gt_level: str
    label_grid: Grid
    raw: numpy.ndarray
    raw_grid: Grid
    raw_box: tuple
    labels: dict


def native(crop, classes, target, tolerance=0.4, derive=None):
    """Raw and labels of a crop as they must be in `hdf5/crop_<id>.h5`."""
    derive = DERIVE if derive is None else derive
    r, g = choose(crop, target, tolerance)
    em_level, raw_level, raw_array = crop.raw.levels[r]
    labels, gt_level, label_grid = {}, None, None

    def read(name):
        image = crop.label(name)
        level, grid, array = image.levels[g]
        source = f"{crop.prefix}/labels/groundtruth/{crop.folder}/{name}/{level}"
        return Label(array.read([0] * 3, array.shape), grid, image.annotation, source), level

    _, gt_level = read(crop.classes[0])
    label_grid = crop.label(crop.classes[0]).levels[g][1]
    wanted = crop.classes if classes == ["*"] else classes
    for name in wanted:
        found = read(name)[0] if name in crop.classes else None
        if found is not None:
            encoding = (found.annotation or {}).get("encoding", {})
            nothing = [encoding.get("absent", 0), encoding.get("unknown", 0)]
            found_object = not numpy.isin(found.values, nothing).all()
        rule = derive.get(name)
        if (found is None or not found_object) and rule and rule["from"] in crop.classes:
            origin = read(rule["from"])[0]
            mask = numpy.isin(origin.values, rule["ids"])
            values = components(mask) if rule["instances"] else mask.astype(numpy.uint8)
            labels[name] = Label(values, origin.grid, None, origin.source, rule["from"])
        elif found is not None:
            labels[name] = found
    start, stop = box(raw_level, label_grid)
    clamped = ([max(0, a) for a in start], [min(n, b) for n, b in zip(raw_level.shape, stop)])
    raw = raw_array.read(*clamped)
    return Native(crop, em_level, gt_level, label_grid, raw, raw_level.cut(*clamped), clamped, labels)


# Resizing.


def output_grid(first, target):
    """The common grid of a resized crop: the first edge stays, the extent is rounded to whole target voxels."""
    shape = tuple(max(1, math.floor(e / t + Fraction(1, 2))) for e, t in zip(first.extent, target))
    return Grid(shape, tuple(target), tuple(e + t / 2 for e, t in zip(first.edge, target)))


def overlap_weights(source, out, axis):
    """Per output voxel the overlaps with source voxels: (indices, integer weights), each [n, width]."""
    rows = []
    for i in range(out.shape[axis]):
        low = out.edge[axis] + i * out.voxel[axis]
        high = low + out.voxel[axis]
        v, edge = source.voxel[axis], source.edge[axis]
        first = max(0, math.floor((low - edge) / v))
        last = min(source.shape[axis], math.ceil((high - edge) / v))
        row = [(k, min(high, edge + (k + 1) * v) - max(low, edge + k * v)) for k in range(first, last)]
        rows.append([(k, w) for k, w in row if w > 0])
    return as_integers(rows)


def linear_weights(source, out, axis):
    """Linear interpolation between source centres at output centres, held constant beyond the first and last."""
    rows = []
    for i in range(out.shape[axis]):
        p = (out.translation[axis] + i * out.voxel[axis] - source.translation[axis]) / source.voxel[axis]
        low = math.floor(p)
        clamp = lambda k: min(max(k, 0), source.shape[axis] - 1)
        rows.append([(clamp(low), 1 - (p - low)), (clamp(low + 1), p - low)])
    return as_integers(rows)


def nearest_weights(source, out, axis):
    """The source voxel in which the output voxel's centre lies."""
    rows = []
    for i in range(out.shape[axis]):
        p = (out.translation[axis] + i * out.voxel[axis] - source.edge[axis]) / source.voxel[axis]
        assert p.denominator != 1, "a centre on an edge: choose another crop shape, the nearest voxel is not defined"
        rows.append([(min(max(math.floor(p), 0), source.shape[axis] - 1), Fraction(1))])
    return as_integers(rows)


def as_integers(rows):
    width = max(len(row) for row in rows)
    scale = math.lcm(*(w.denominator for row in rows for _, w in row))
    index = numpy.zeros((len(rows), width), dtype=numpy.int64)
    weight = numpy.zeros((len(rows), width), dtype=numpy.int64)
    for i, row in enumerate(rows):
        for j, (k, w) in enumerate(row):
            index[i, j], weight[i, j] = k, int(w * scale)
    return index, weight


def weights_of(source, out, upwards):
    """Each axis goes its own way: overlaps where the source voxel is the smaller one, else `upwards`."""
    larger = [source.voxel[axis] > out.voxel[axis] for axis in AXES]
    return [(upwards if larger[axis] else overlap_weights)(source, out, axis) for axis in AXES]


def apply(values, weights):
    """Σ weight · value over three axes, in exact integers."""
    out = values.astype(numpy.int64)
    for axis, (index, weight) in enumerate(weights):
        shape = [-1 if a == axis else 1 for a in AXES]
        out = sum(
            numpy.take(out, index[:, k], axis=axis) * weight[:, k].reshape(shape) for k in range(index.shape[1])
        )
    return out


def mean(values, source, out):
    """(sum, weight) of every output voxel: their quotient is the exact resized raw value."""
    weights = weights_of(source, out, linear_weights)
    z, y, x = (weight.sum(axis=1) for _, weight in weights)
    return apply(values, weights), z[:, None, None] * y[None, :, None] * x[None, None, :]


def majority(values, source, out):
    """(value of the largest overlap volume, whether another value has the same volume); ties go to the smaller."""
    weights = weights_of(source, out, nearest_weights)
    best = numpy.zeros(out.shape, dtype=numpy.int64)
    chosen = numpy.zeros(out.shape, dtype=values.dtype)
    tied = numpy.zeros(out.shape, dtype=bool)
    for value in numpy.unique(values):
        mask = values == value
        part, where = [], []
        for axis, (index, weight) in enumerate(weights):
            seen = numpy.flatnonzero(mask.any(axis=tuple(a for a in AXES if a != axis)))
            touched = numpy.flatnonzero(((index >= seen[0]) & (index <= seen[-1]) & (weight > 0)).any(axis=1))
            part.append((index[touched], weight[touched]))
            where.append(touched)
        if any(len(touched) == 0 for touched in where):
            continue
        region = numpy.ix_(*where)
        volume = apply(mask, part)
        more = volume > best[region]
        tied[region] = numpy.where(more, False, tied[region] | ((volume == best[region]) & (volume > 0)))
        chosen[region] = numpy.where(more, value, chosen[region])
        best[region] = numpy.maximum(volume, best[region])
    assert (best > 0).all(), "an output voxel without any label voxel"
    return chosen, tied


def chunk_keys(found):
    """The keys of the raw chunks a native crop needs, stored or not."""
    _, _, array = next(level for level in found.crop.raw.levels if level[0] == found.em_level)
    base = f"{found.crop.prefix}/em/{found.crop.raw_name}/{found.em_level}"
    return [f"{base}/{name}" for _, name in array.chunk_names(*found.raw_box)]


def target_of(text):
    numbers = [exact(float(part)) for part in str(text).split(",")]
    return tuple(numbers * 3 if len(numbers) == 1 else numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("replica")
    parser.add_argument("--target", default="8")
    parser.add_argument("--classes", default="mito")
    parser.add_argument("--self-test", help="the table of all public crops: its rows must come out of the replica")
    parser.add_argument("--json", action="store_true", help="one JSON object with the raw chunk keys of every crop")
    options = parser.parse_args()
    rows = {}
    if options.self_test:
        with open(options.self_test, encoding="utf-8", newline="") as file:
            rows = {int(row["crop"]): row for row in csv.DictReader(file)}
    bad, listing = 0, {}
    for crop in crops(os.path.join(options.replica, "janelia-cosem-datasets")):
        found = native(crop, options.classes.split(","), target_of(options.target))
        if options.json:
            listing[crop.id] = {"dataset": crop.dataset, "raw_chunks": chunk_keys(found)}
            continue
        print(f"crop {crop.id} {crop.dataset} raw {found.em_level} {found.raw_box[0]}..{found.raw_box[1]}"
              f" labels {found.gt_level} {list(found.label_grid.shape)} {sorted(found.labels)}")
        if rows:
            row = rows[crop.id]
            ints = lambda text: [int(part) for part in text.split(";")]
            raw = [level[1] for level in crop.raw.levels]
            label = [level[1] for level in crop.label(crop.classes[0]).levels]
            match = (int(row["match_raw_level"][1:]), int(row["match_gt_level"][1:]))
            ok = (
                box(raw[0], label[0])[0] == ints(row["raw_s0_start"])
                and box(raw[match[0]], label[match[1]])[0] == ints(row["match_raw_start"])
                and same_size(raw[match[0]].voxel, label[match[1]].voxel)
                and row["dataset"] == crop.dataset
            )
            bad += not ok
            print(f"  the public table: {'agrees' if ok else 'DIFFERS'}")
    if options.json:
        print(json.dumps(listing))
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
