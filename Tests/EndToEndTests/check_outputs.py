"""Compares what the program wrote with what the bucket's files say it must have written.

    check_outputs.py REPLICA_DIR OUT_DIR [--target 8] [--tolerance 0.4] [--classes mito] [--datasets a,b] [--only 7,9]

One line per check; the last line is `N passed, N failed`; exit status 1 if any failed.
"""

import argparse
import json
import os
import sys
import traceback

import h5py
import numpy

import reference
import voxel_statistics
from reference import Grid

try:  # the zstd and blosc filters, should the files use them
    import hdf5plugin  # noqa: F401
except ImportError:
    pass

BUCKET = "janelia-cosem-datasets"
AXES = ["z", "y", "x"]


class Report:
    """Counts checks and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, good, detail=""):
        self.passed += bool(good)
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {what}{'' if good or not detail else ': ' + str(detail)}")
        return bool(good)

    def equal(self, what, found, expected):
        return self.check(what, found == expected, f"expected {expected!r}, found {found!r}")

    def near(self, what, found, expected, tolerance=1e-6):
        found = None if found is None else numpy.asarray(found)
        expected = numpy.asarray([float(e) for e in expected])
        good = (
            found is not None
            and found.dtype.kind == "f"
            and found.shape == expected.shape
            and bool(numpy.allclose(found.astype(float), expected, rtol=1e-6, atol=tolerance))
        )
        return self.check(what, good, f"expected {expected.tolist()}, found {found!r}")

    def same(self, what, found, expected):
        if found.shape != expected.shape:
            return self.check(what, False, f"expected shape {expected.shape}, found {found.shape}")
        differing = numpy.argwhere(found != expected)
        detail = ""
        if len(differing):
            first = tuple(int(i) for i in differing[0])
            detail = (
                f"{len(differing)} of {expected.size} voxels differ, the first at {first}: "
                f"expected {expected[first]}, found {found[first]}"
            )
        return self.check(what, len(differing) == 0, detail)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check_grid(report, name, dataset, grid):
    """The attributes by which a reader places a dataset."""
    attributes = dataset.attrs
    voxel, um = grid.voxel, [v / 1000 for v in grid.voxel]
    report.near(f"{name} scale", attributes.get("scale"), voxel)
    report.near(f"{name} voxel_size", attributes.get("voxel_size"), voxel)
    report.near(f"{name} resolution", attributes.get("resolution"), voxel)
    report.near(f"{name} translation", attributes.get("translation"), grid.translation)
    report.near(f"{name} offset", attributes.get("offset"), grid.edge)
    report.near(f"{name} element_size_um", attributes.get("element_size_um"), um, 1e-9)
    for key, kind in (("scale", "float64"), ("translation", "float64"), ("element_size_um", "float32")):
        report.equal(f"{name} {key} type", str(getattr(attributes.get(key), "dtype", None)), kind)
    report.equal(f"{name} dimension labels", [dataset.dims[i].label for i in range(dataset.ndim)], AXES)
    filters = dataset.id.get_create_plist().get_nfilters()
    report.check(f"{name} is chunked and compressed", dataset.chunks and filters > 0)


def check_file(report, name, file, found, grid):
    """The attributes of a crop file."""
    attributes, crop = file.attrs, found.crop
    number = attributes.get("crop_id")
    report.check(f"{name} crop_id", number is not None and int(number) == crop.id, number)
    for key, expected in (
        ("dataset", crop.dataset),
        ("em_level", found.em_level),
        ("gt_level", found.gt_level),
        ("axes", "zyx"),
        ("unit", "nanometer"),
    ):
        if key == "gt_level" and not found.labels:
            continue
        report.equal(f"{name} {key}", text(attributes.get(key)), expected)
    report.near(f"{name} scale", attributes.get("scale"), grid.voxel)
    report.near(f"{name} translation", attributes.get("translation"), grid.translation)
    source = text(attributes.get("source", ""))
    report.check(f"{name} source", source.startswith(f"s3://{BUCKET}") and crop.dataset in source, source)
    members = ["label_crop", "labels", "raw", "raw_crop"] if found.labels else ["raw", "raw_crop"]
    report.equal(f"{name} members", sorted(file), members)
    for group in ("label_crop", "labels"):
        report.equal(f"{name} {group}", sorted(file[group]) if group in file else [], sorted(found.labels))
    names = {"raw": "raw_crop", **{f"labels/{key}": f"label_crop/{key}" for key in found.labels}}
    for link, path in names.items():
        # h5py compares objects by where they lie in the file.
        hard = isinstance(file.get(link, getlink=True), h5py.HardLink)
        report.check(f"{name} {link} is a hard link to {path}", hard and file[link] == file[path])


def check_raw(report, name, dataset, found):
    """How much of the raw data the store has."""
    array = next(array for level, _, array in found.crop.raw.levels if level == found.em_level)
    chunks = [chunk for _, chunk in array.chunk_names(*found.raw_box)]
    stored = [chunk for chunk in chunks if os.path.exists(os.path.join(array.path, *chunk.split("/")))]
    for key, expected in (("chunks", len(chunks)), ("stored_chunks", len(stored))):
        report.equal(f"{name} {key}", int(dataset.attrs.get(key, -1)), expected)


def check_label(report, name, dataset, label):
    """What a label dataset says about itself besides its place."""
    attributes = dataset.attrs
    report.equal(f"{name} label_quality", text(attributes.get("label_quality")), "groundtruth")
    evidence = "derived" if label.derived_from else "stored"
    report.equal(f"{name} evidence", text(attributes.get("evidence")), evidence)
    if label.derived_from:
        origin = text(attributes.get("derived_from", ""))
        report.check(f"{name} derived_from", label.derived_from in origin, origin)
        report.equal(f"{name} annotation_type", text(attributes.get("annotation_type")), label.annotation["type"])
        for key, value in label.annotation["encoding"].items():
            report.check(f"{name} {key}", int(attributes.get(key, -1)) == value, attributes.get(key))
    else:
        report.check(f"{name} is not called derived", "derived_from" not in attributes)
        path = text(attributes.get("source_path", ""))
        report.check(f"{name} source_path", label.source in path, path)
        if label.annotation:
            encoding = label.annotation["encoding"]
            report.equal(f"{name} annotation_type", text(attributes.get("annotation_type")), label.annotation["type"])
            for key in ("absent", "unknown"):
                value = attributes.get(key)
                report.equal(f"{name} {key}", None if value is None else int(value), encoding.get(key))
    report.check(
        f"{name} type",
        dataset.dtype.kind == "u" and dataset.dtype.itemsize == label.values.dtype.itemsize,
        f"expected {label.values.dtype}, found {dataset.dtype}",
    )


def check_covered(report, name, dataset, covered):
    """`covered_start` and `covered_stop`: which voxels are real. Where all are, they are left out."""
    start, stop = covered
    is_whole = list(start) == [0] * 3 and list(stop) == list(dataset.shape)
    for key, expected in (("covered_start", start), ("covered_stop", stop)):
        value = dataset.attrs.get(key)
        found = None if value is None else [int(v) for v in value]
        report.equal(f"{name} {key}", found, None if is_whole else [int(v) for v in expected])


def covered_box(weight):
    """The box of the output voxels that some data reach into."""
    where = numpy.argwhere(weight > 0)
    return where.min(axis=0).tolist(), (where.max(axis=0) + 1).tolist()


def check_native(report, name, file, found):
    check_file(report, name, file, found, found.label_grid)
    raw, grid, covered = reference.written_raw(found)
    check_grid(report, f"{name} raw_crop", file["raw_crop"], grid)
    check_covered(report, f"{name} raw_crop", file["raw_crop"], covered)
    check_raw(report, f"{name} raw_crop", file["raw_crop"], found)
    report.equal(f"{name} raw_crop type", str(file["raw_crop"].dtype), str(found.raw.dtype))
    report.same(f"{name} raw_crop voxels", file["raw_crop"][...], raw)
    for key, label in found.labels.items():
        dataset = file[f"label_crop/{key}"]
        check_grid(report, f"{name} {key}", dataset, label.grid)
        check_label(report, f"{name} {key}", dataset, label)
        report.same(f"{name} {key} voxels", dataset[...], label.values)


def check_resized(report, name, file, found, target):
    grid = reference.output_grid(found.label_grid if found.labels else found.raw_grid, target)
    check_file(report, name, file, found, grid)
    raw = file["raw_crop"]
    check_grid(report, f"{name} raw_crop", raw, grid)
    check_raw(report, f"{name} raw_crop", raw, found)
    report.equal(f"{name} raw_crop type", str(raw.dtype), str(found.raw.dtype))
    if report.equal(f"{name} raw_crop shape", raw.shape, grid.shape):
        total, weight = reference.mean(found.raw, found.raw_grid, grid)
        check_covered(report, f"{name} raw_crop", raw, covered_box(weight))
        real = weight > 0
        exact_mean = numpy.where(real, total, 0) / numpy.where(real, weight, 1)
        away = numpy.abs(raw[...].astype(float) - exact_mean)
        worst = numpy.unravel_index(int(away.argmax()), away.shape)
        where = tuple(int(i) for i in worst)
        report.check(
            f"{name} raw_crop is the exact mean, rounded",
            away[worst] <= 0.5 + 1e-6,
            f"{int((away > 0.5 + 1e-6).sum())} of {away.size} voxels are not; at {where} expected "
            f"{exact_mean[worst]:.6f}, found {raw[where]}",
        )
    for key, label in found.labels.items():
        dataset = file[f"label_crop/{key}"]
        check_grid(report, f"{name} {key}", dataset, grid)
        check_label(report, f"{name} {key}", dataset, label)
        expected, tied, reached = reference.majority(label.values, label.grid, grid)
        # What no label voxel covers is unknown where the label has a value for that, else 0.
        unknown = (label.annotation or {}).get("encoding", {}).get("unknown")
        expected = numpy.where(reached, expected, unknown or 0).astype(expected.dtype)
        if unknown is None:
            check_covered(report, f"{name} {key}", dataset, covered_box(reached))
        values = dataset[...]
        if not report.equal(f"{name} {key} shape", values.shape, expected.shape):
            continue
        report.same(f"{name} {key} majority", numpy.where(tied, 0, values), numpy.where(tied, 0, expected))
        if tied.any():
            report.same(f"{name} {key} majority of {int(tied.sum())} ties", values[tied], expected[tied])


def objects(value):
    """Every JSON object within a value."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(child)


def check_list(report, path, expected, target):
    """attributes.json and crops.json: one entry per file, numbers as numbers."""
    name = os.path.basename(path)
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    entries = {entry["name"]: entry for entry in objects(document) if str(entry.get("name", "")).endswith(".h5")}
    report.equal(f"{name} entries", sorted(entries), sorted(f"crop_{found.crop.id}.h5" for found in expected))
    for found in expected:
        key = f"crop_{found.crop.id}.h5"
        if key not in entries:
            continue
        entry = entries[key]
        first = found.label_grid if found.labels else found.raw_grid
        grid = reference.output_grid(first, target) if target else first
        places = {"resolution": grid.voxel, "voxel_size": grid.voxel, "translation": grid.translation}
        for attribute, value in places.items():
            numbers = entry.get(attribute)
            good = isinstance(numbers, list) and all(type(n) in (int, float) for n in numbers)
            report.near(f"{name} {key} {attribute}", numpy.asarray(numbers, dtype=float) if good else None, value)
        for label_name, label in found.labels.items():
            statistics = [o[label_name] for o in objects(entry) if isinstance(o.get(label_name), dict)]
            statistics += [e for e in objects(entry) if label_name in (e.get("name"), e.get("class"))]
            if not report.check(f"{name} {key} has statistics of {label_name}", statistics):
                continue
            if target:
                continue
            encoding = (label.annotation or {}).get("encoding", {"absent": 0})
            ids, counts = numpy.unique(label.values, return_counts=True)
            ignored = [encoding["absent"], encoding.get("unknown", encoding["absent"])]
            instances = int((~numpy.isin(ids, ignored)).sum())
            unknown = int(counts[ids == encoding["unknown"]].sum()) if "unknown" in encoding else 0
            numbers = {n for s in objects(statistics) for n in s.values() if type(n) in (int, float)}
            numbers |= {len(v) for s in objects(statistics) for v in s.values() if isinstance(v, (dict, list))}
            semantic = (label.annotation or {}).get("type") == "semantic_segmentation"
            if not semantic:
                what = f"{name} {key} {label_name} instances"
                report.check(what, instances in numbers, f"no {instances} in {statistics}")
            if unknown:
                what = f"{name} {key} {label_name} unknown voxels"
                report.check(what, unknown in numbers, f"no {unknown} in {statistics}")


def check_text(report, out, bucket, expected, target, truth):
    folder = os.path.join(out, "txt")
    for dataset in sorted({found.crop.dataset for found in expected}):
        path = os.path.join(folder, f"{dataset}_to_download")
        if report.check(f"{dataset}_to_download exists", os.path.isfile(path)):
            with open(path, encoding="utf-8") as file:
                lines = [line.split("\t") for line in file.read().splitlines()]
            pairs = bool(lines) and all(len(line) == 2 for line in lines)
            report.check(f"{dataset}_to_download has lines of two fields", pairs)
            here = lambda url: os.path.join(bucket, url.split(f"{BUCKET}/", 1)[-1])
            missing = [line[0] for line in lines if not os.path.exists(here(line[0]))]
            report.check(f"{dataset}_to_download names what exists", not missing, missing[:3])
            local = [line[-1] for line in lines]
            bad = [path for path in local if os.path.isabs(path) or ".." in path.split("/")]
            report.check(f"{dataset}_to_download has relative local paths", not bad, bad[:3])
        crop = next(found.crop for found in expected if found.crop.dataset == dataset)
        path = os.path.join(folder, "zattrs", f"{dataset}.zattrs")
        if report.check(f"{dataset}.zattrs exists", os.path.isfile(path)):
            with open(path, "rb") as file, open(os.path.join(crop.raw.path, ".zattrs"), "rb") as source:
                report.check(f"{dataset}.zattrs is the store's, byte for byte", file.read() == source.read())
    for name, voxel in (("attributes.json", None), ("crops.json", target)):
        path = os.path.join(folder, name)
        if report.check(f"{name} exists", os.path.isfile(path)):
            check_list(report, path, expected, voxel)
    path = os.path.join(folder, "data.json")
    if not report.check("data.json exists", os.path.isfile(path)):
        return
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    seen = {entry["name"]: entry for entry in document["datasets"]}
    for name in sorted(truth):
        if not report.check(f"data.json names {name}", name in seen):
            continue
        for kind in ("groundtruth", "inference"):
            report.equal(f"data.json {name} has_{kind}", seen[name].get(f"has_{kind}"), truth[name][kind])
        voxel = seen[name].get("voxel_size")
        voxel = None if voxel is None else numpy.asarray(voxel, dtype=float)
        report.near(f"data.json {name} voxel_size", voxel, truth[name]["voxel"])
    for name in sorted(set(seen) - set(truth)):
        flags = [seen[name].get("has_groundtruth"), seen[name].get("has_inference")]
        report.equal(f"data.json {name} has no labels", flags, [False, False])
    count = lambda keep: sum(keep(entry["groundtruth"], entry["inference"]) for entry in truth.values())
    report.equal("data.json counts", document["counts"], {
        "inference": count(lambda g, i: i),
        "groundtruth": count(lambda g, i: g),
        "groundtruth_and_inference": count(lambda g, i: g and i),
    })


def check_groups(report, out, everything, expected):
    """`crops.json`: which crops overlap. Those that are left out belong to groups, too."""
    groups = reference.groups(everything)
    with open(os.path.join(out, "txt", "crops.json"), encoding="utf-8") as file:
        entries = {entry["name"]: entry for entry in json.load(file)}
    for found in expected:
        entry = entries.get(f"crop_{found.crop.id}.h5", {})
        group, shared, twin = groups[found.crop.id]
        name = f"crops.json crop_{found.crop.id}"
        report.equal(f"{name} group", entry.get("group"), group)
        report.equal(f"{name} duplicate_of", entry.get("duplicate_of", ""), twin)
        report.equal(f"{name} not_annotated", entry.get("not_annotated"), found.not_annotated)
        fractions = {o["crop_id"]: o["fraction"] for o in entry.get("overlaps_with", [{"crop_id": 0, "fraction": 0}])}
        report.equal(f"{name} overlaps_with", sorted(fractions), sorted(shared))
        near = all(abs(fractions.get(other, -1) - float(part)) < 1e-6 for other, part in shared.items())
        report.check(f"{name} fractions", near, fractions)


def check_left_out(report, out, left_out, options):
    """`left_out.json`: what nothing is made of, and why."""
    with open(os.path.join(out, "txt", "left_out.json"), encoding="utf-8") as file:
        entries = json.load(file)
    expected = sorted(f"crop_{item.crop.id}" for item in left_out)
    report.equal("left_out.json names", [entry["name"] for entry in entries], expected)
    by_name = {entry["name"]: entry for entry in entries}
    for item in left_out:
        entry = by_name.get(f"crop_{item.crop.id}")
        if entry is None:
            continue
        name = f"left_out.json {entry['name']}"
        report.equal(f"{name} reason", entry["reason"], item.reason)
        report.equal(f"{name} dataset and crop", (entry["dataset"], entry["crop_id"]), (item.crop.dataset, item.crop.id))
        report.check(f"{name} message", isinstance(entry["message"], str) and len(entry["message"]) > 20)
        report.check(f"{name} classes", isinstance(entry["classes"], list))
        if item.factor is not None:
            report.check(f"{name} factor", abs(entry["factor"] - float(item.factor)) < 1e-6, entry["factor"])
            report.equal(f"{name} max_upsampling", entry["max_upsampling"], options.max_upsampling)
            report.check(f"{name} voxel_size and target", len(entry["voxel_size"]) == len(entry["target"]) == 3)


def check_crop(report, out, folder, found, target):
    """One crop's file in one folder."""
    name = f"{folder}/crop_{found.crop.id}.h5"
    path = os.path.join(out, name)
    if not os.path.isfile(path):
        report.check(f"{name} exists", False)
        return False
    try:
        with h5py.File(path, "r") as file:
            if folder == "hdf5":
                check_native(report, name, file, found)
            else:
                check_resized(report, name, file, found, target)
    except Exception as error:  # a file which cannot be read is one failed check, not the end of the report
        traceback.print_exc(file=sys.stdout)
        report.check(f"{name} can be read", False, repr(error))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("replica")
    parser.add_argument("out")
    parser.add_argument("--target", default="8")
    parser.add_argument("--tolerance", type=float, default=0.4)
    parser.add_argument("--classes", default="mito")
    parser.add_argument("--max-upsampling", type=float, default=2)
    parser.add_argument("--datasets", help="only these, comma separated; data.json is then not compared")
    parser.add_argument("--only", help="only these crops, comma separated; txt/ and other files are not looked at")
    options = parser.parse_args()
    report, target = Report(), reference.target_of(options.target)
    bucket = os.path.join(options.replica, BUCKET)
    with open(os.path.join(options.replica, "truth.json"), encoding="utf-8") as file:
        truth = json.load(file)["datasets"]
    if options.datasets:
        truth = {name: truth[name] for name in options.datasets.split(",")}
    crops = [
        crop
        for crop in reference.crops(bucket, options.datasets and options.datasets.split(","))
        if not options.only or str(crop.id) in options.only.split(",")
    ]
    written = {"hdf5": [], "crops": []}
    left_out = []
    for crop in crops:
        found = reference.native(
            crop, options.classes.split(","), target, options.tolerance, max_upsampling=options.max_upsampling)
        if isinstance(found, reference.LeftOut):
            left_out.append(found)
            for folder in written:
                path = os.path.join(options.out, folder, f"crop_{crop.id}.h5")
                report.check(f"{folder}/crop_{crop.id}.h5 is left out", not os.path.exists(path))
            continue
        for folder in written:
            if check_crop(report, options.out, folder, found, target):
                written[folder].append(found)
    for folder, expected in written.items() if not options.only else ():
        path = os.path.join(options.out, folder)
        names = sorted(os.listdir(path)) if os.path.isdir(path) else []
        report.equal(f"{folder} holds nothing else", names, sorted(f"crop_{found.crop.id}.h5" for found in expected))
    if not options.only:
        check_text(report, options.out, bucket, written["hdf5"], target, truth)
        check_left_out(report, options.out, left_out, options)
        check_groups(report, options.out, crops, written["crops"])
        voxel_statistics.check(report, options.out)
    print(f"{report.passed} passed, {report.failed} failed")
    raise SystemExit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
