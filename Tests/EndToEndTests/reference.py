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

NEAR_EDGE = Fraction(2, 100)


def same_size(a, b):
    return all(abs(x - y) <= Fraction(1, 1000) * max(x, y) for x, y in zip(a, b))


def whole(position):
    """Whether a position, in voxels, lies on a voxel edge."""
    return abs(position - math.floor(position + Fraction(1, 2))) <= NEAR_EDGE


def below(size, target, tolerance):
    """Whether a voxel is smaller than the bound on every axis."""
    return all(v < 2 * (1 - exact(tolerance)) * t for v, t in zip(size, target))


def finest_first(levels, indices):
    return sorted(indices, key=lambda index: (math.prod(levels[index].voxel), index))


def alone(levels, target, tolerance, good=lambda grid: True):
    """The coarsest level below the bound that is good, else the finest."""
    order = finest_first(levels, range(len(levels)))
    near = [index for index in order if below(levels[index].voxel, target, tolerance) and good(levels[index])]
    return (near or order[:1])[-1]


def fits(label, raw):
    """Whether the label level's first edge lies on a voxel edge of the raw level, on every axis."""
    return all(whole((a - b) / v) for a, b, v in zip(label.edge, raw.edge, raw.voxel))


def choose(raw, labels, target, tolerance=0.4, preference="target"):
    """(raw level, a level for each label image, case) as indices into lists of grids.

    A pair is a label level and a raw level of equal voxels. Of the raw levels that most label images pair with, the coarsest below the bound
    where all pairs fit; else the coarsest of no more than half the target; else the finest. Without a pair each goes by the target alone.
    """
    partner = [
        [next((g for g, label in enumerate(image) if same_size(label.voxel, level.voxel)), None) for image in labels]
        for level in raw
    ]
    count = [sum(found is not None for found in row) for row in partner]
    near = [r for r, level in enumerate(raw) if below(level.voxel, target, tolerance)]
    most = max((count[r] for r in near), default=0)
    if most == 0:
        g = [alone(image, target, tolerance) for image in labels]
        chosen = [image[index] for image, index in zip(labels, g)]
        box_is_whole = lambda level: all(
            whole((edge - e) / v) and whole((edge + size - e) / v)
            for label in chosen
            for edge, size, e, v in zip(label.edge, label.extent, level.edge, level.voxel)
        )
        return alone(raw, target, tolerance, box_is_whole), g, "alone"
    pairs = finest_first(raw, [r for r in near if count[r] == most])
    fit = [r for r in pairs if all(g is None or fits(image[g], raw[r]) for image, g in zip(labels, partner[r]))]
    half = [r for r in pairs if all(2 * v <= t * (1 + exact(1e-6)) for v, t in zip(raw[r].voxel, target))]
    r = pairs[-1] if preference == "coarsest" else fit[-1] if fit else half[-1] if half else pairs[0]
    g = [alone(image, target, tolerance) if k is None else k for image, k in zip(labels, partner[r])]
    return r, g, "pair" if r in fit else "pair_off_grid"


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
    raw: numpy.ndarray  # the voxels that the level has
    raw_grid: Grid  # of those
    raw_box: tuple  # of those, in the level
    written: tuple  # the box that the file holds, in the level: it may reach beyond the data
    labels: dict
    not_annotated: list


@dataclasses.dataclass
class LeftOut:
    """A crop of which nothing is made."""

    crop: Crop
    reason: str
    factor: Fraction = None


UNKNOWN = 255


def is_object(values, encoding, counts):
    """Which voxels are objects. 255 is one where ids go beyond it and nothing is said to be unknown."""
    nothing = values == encoding.get("absent", 0)
    if "unknown" in encoding and not unknown_is_object(values, encoding, counts):
        nothing |= values == encoding["unknown"]
    return ~nothing


def unknown_is_object(values, encoding, counts):
    return encoding.get("unknown") == UNKNOWN and values.max(initial=0) > UNKNOWN and (counts or {}).get("unknown") == 0


def native(crop, classes, target, tolerance=0.4, derive=None, max_upsampling=2, preference="target"):
    """Raw and labels of a crop as they must be in `hdf5/crop_<id>.h5`, or why nothing is made of it."""
    derive = DERIVE if derive is None else derive
    wanted = crop.classes if classes == ["*"] else [name for name in classes if name in crop.classes]
    rules = {
        name: rule
        for name, rule in derive.items()
        if (classes == ["*"] or name in classes) and rule["from"] in crop.classes
    }
    if not wanted and not rules:
        return LeftOut(crop, "not_annotated")
    names = list(dict.fromkeys(wanted + [rule["from"] for rule in rules.values()]))
    images = {name: crop.label(name) for name in names}
    raw_grids = [grid for _, grid, _ in crop.raw.levels]
    r, g, _ = choose(
        raw_grids, [[grid for _, grid, _ in images[name].levels] for name in names], target, tolerance, preference)
    level_of = dict(zip(names, g))
    em_level, raw_level, raw_array = crop.raw.levels[r]
    grids = {name: images[name].levels[level_of[name]][1] for name in names}
    factor = max(v / t for grid in [raw_level, *grids.values()] for v, t in zip(grid.voxel, target))
    if factor > exact(max_upsampling) * (1 + Fraction(1, 10**9)):
        return LeftOut(crop, "too_coarse", factor)

    def read(name):
        level, grid, array = images[name].levels[level_of[name]]
        source = f"{crop.prefix}/labels/groundtruth/{crop.folder}/{name}/{level}"
        label = Label(array.read([0] * 3, array.shape), grid, images[name].annotation, source)
        encoding = (label.annotation or {}).get("encoding", {})
        counts = level_counts(os.path.join(images[name].path, level))
        if (counts or {}).get("unknown") is None:
            # Often the finest level alone is counted.
            order = finest_first([grid for _, grid, _ in images[name].levels], range(len(images[name].levels)))
            counts = level_counts(os.path.join(images[name].path, images[name].levels[order[0]][0]))
        if unknown_is_object(label.values, encoding, counts):
            kept = {key: value for key, value in encoding.items() if key != "unknown"}
            label.annotation = {**label.annotation, "encoding": kept}
        return label

    labels, not_annotated = {}, []
    for name in sorted(set(wanted) | set(rules)):
        own = read(name) if name in wanted else None
        encoding = (own.annotation or {}).get("encoding", {}) if own else {}
        if own is not None and is_object(own.values, encoding, {}).any():
            labels[name] = own
            continue
        origin = read(rules[name]["from"]) if name in rules else None
        if origin is not None and numpy.isin(origin.values, rules[name]["ids"]).any():
            labels[name] = derived(rules[name], origin, own)
        elif own is not None:
            labels[name] = own
        else:
            not_annotated.append(name)
    if not labels:
        return LeftOut(crop, "not_annotated")
    if classes != ["*"]:
        not_annotated = sorted(set(classes) - set(labels))
    first = next((name for name in wanted), None) or next(iter(rules.values()))["from"]
    placed = grids[first]
    bounds = [box(raw_level, grid) for grid in grids.values()]
    start = [min(low[axis] for low, _ in bounds) for axis in AXES]
    stop = [max(high[axis] for _, high in bounds) for axis in AXES]
    clamped = ([max(0, a) for a in start], [min(n, b) for n, b in zip(raw_level.shape, stop)])
    raw = raw_array.read(*clamped)
    gt_level = images[first].levels[level_of[first]][0]
    return Native(
        crop, em_level, gt_level, placed, raw, raw_level.cut(*clamped), clamped, (start, stop), labels, not_annotated)


def derived(rule, origin, own):
    """A class made of another one's ids: unknown where the origin is 0 or unknown, or the own label is unknown; else absent."""
    mask = numpy.isin(origin.values, rule["ids"])
    unlabelled = [0]
    for label in (origin, own):
        encoding = (label.annotation or {}).get("encoding", {}) if label else {}
        if label is origin and "unknown" in encoding:
            unlabelled.append(encoding["unknown"])
    unknown = numpy.isin(origin.values, unlabelled)
    own_encoding = (own.annotation or {}).get("encoding", {}) if own else {}
    if "unknown" in own_encoding:
        assert own.grid == origin.grid, "the reference compares voxels of one grid"
        unknown |= own.values == own_encoding["unknown"]
    if rule["instances"]:
        values = components(mask)
        # No object is 255.
        values[values >= UNKNOWN] += 1
    else:
        values = mask.astype(numpy.uint8)
    values[unknown & ~mask] = UNKNOWN
    kind = "instance_segmentation" if rule["instances"] else "semantic_segmentation"
    return Label(
        values, origin.grid, {"type": kind, "encoding": {"absent": 0, "unknown": UNKNOWN}}, origin.source,
        rule["from"])


def level_counts(path):
    """The `complement_counts` of a level array; None where its metadata have none."""
    try:
        with open(os.path.join(path, ".zattrs"), encoding="utf-8") as file:
            attributes = json.load(file)
    except FileNotFoundError:
        return None
    return attributes.get("cellmap", {}).get("annotation", {}).get("complement_counts")


# Groups.


def overlap(a, b):
    """The part of the first grid's extent that lies in the second's."""
    part = Fraction(1)
    for axis in AXES:
        low = max(a.edge[axis], b.edge[axis])
        high = min(a.edge[axis] + a.extent[axis], b.edge[axis] + b.extent[axis])
        part *= max(Fraction(0), high - low) / a.extent[axis]
    return part


def groups(all_crops):
    """By crop id: (group, {other id: fraction of this crop}, id of the first crop with the same box)."""
    place = {crop.id: (crop, crop.label(crop.classes[0]).levels[0][1]) for crop in all_crops}
    shared = {number: {} for number in place}
    for a, (crop, grid) in place.items():
        for b, (other, other_grid) in place.items():
            if a != b and (crop.dataset, crop.recon) == (other.dataset, other.recon):
                part = overlap(grid, other_grid)
                if part > 0:
                    shared[a][b] = part
    group = {number: number for number in place}
    for _ in place:
        group = {number: min([group[number], *(group[other] for other in shared[number])]) for number in place}
    same = lambda a, b: shared[a].get(b) == 1 and shared[b].get(a) == 1
    twin = {a: next((b for b in sorted(place) if b < a and same(a, b)), None) for a in place}
    return {number: (group[number], shared[number], twin[number]) for number in place}


# Resizing.


def written_raw(found):
    """The raw voxels of the native file with its grid, and where in it the data begin and end."""
    start, stop = found.written
    out = numpy.zeros([b - a for a, b in zip(start, stop)], dtype=found.raw.dtype)
    low = [a - b for a, b in zip(found.raw_box[0], start)]
    high = [a - b for a, b in zip(found.raw_box[1], start)]
    out[tuple(slice(a, b) for a, b in zip(low, high))] = found.raw
    grid = found.raw_grid
    edge = tuple(t - a * v for t, a, v in zip(grid.translation, low, grid.voxel))
    return out, Grid(out.shape, grid.voxel, edge), (low, high)


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
        if last <= first:
            rows.append([])
            continue
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
    width = max(1, *(len(row) for row in rows))
    scale = math.lcm(1, *(w.denominator for row in rows for _, w in row))
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
    """(value of the largest overlap volume, whether another value has the same volume, whether any voxel covers it); ties go to the smaller."""
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
    return chosen, tied & (best > 0), best > 0


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
    parser.add_argument("--max-upsampling", type=float, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object with the raw chunk keys of every crop")
    options = parser.parse_args()
    rows = {}
    if options.self_test:
        with open(options.self_test, encoding="utf-8", newline="") as file:
            rows = {int(row["crop"]): row for row in csv.DictReader(file)}
    bad, listing = 0, {}
    for crop in crops(os.path.join(options.replica, "janelia-cosem-datasets")):
        found = native(
            crop, options.classes.split(","), target_of(options.target), max_upsampling=options.max_upsampling)
        if isinstance(found, LeftOut):
            print(f"crop {crop.id} {crop.dataset} left out: {found.reason}") if not options.json else None
            continue
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
