"""Compares the statistics in `txt/` with what numpy finds in the voxels of the files: raw data and labels of each file, and those of a dataset together.

`check(report, out)` is called by check_outputs.py.
"""

import json
import os

import h5py
import numpy

PERCENTILES = ["0.1", "1", "5", "25", "50", "75", "95", "99", "99.9"]


def real(dataset):
    """The voxels that are real."""
    start, stop = dataset.attrs.get("covered_start"), dataset.attrs.get("covered_stop")
    values = dataset[...]
    if start is None:
        return values.ravel()
    return values[tuple(slice(int(a), int(b)) for a, b in zip(start, stop))].ravel()


def near(found, expected, relative=1e-9):
    return type(found) in (int, float) and abs(found - float(expected)) <= relative * max(1.0, abs(float(expected)))


def check_raw(report, name, entry, values):
    is_exact = values.dtype.itemsize <= 2
    report.equal(f"{name} dtype", entry.get("dtype"), str(values.dtype))
    numbers = values.astype(numpy.float64)
    for key, expected in (("min", numbers.min()), ("max", numbers.max()), ("mean", numbers.mean()), ("std", numbers.std())):
        report.check(f"{name} {key}", near(entry.get(key), expected), f"expected {expected}, found {entry.get(key)}")
    percentiles = entry.get("percentiles", {})
    report.equal(f"{name} percentiles", sorted(percentiles), sorted(PERCENTILES))
    for key in PERCENTILES:
        expected = numpy.percentile(numbers, float(key))
        good = near(percentiles.get(key), expected, 1e-9 if is_exact else 1e-3)
        report.check(f"{name} percentile {key}", good, f"expected {expected}, found {percentiles.get(key)}")
    histogram = entry.get("histogram", {})
    limits = {"uint8": (0, 255), "int8": (-128, 127)}.get(str(values.dtype), (numbers.min(), numbers.max()))
    report.equal(f"{name} histogram ends", (histogram.get("low"), histogram.get("high")), limits)
    counts, _ = numpy.histogram(numbers, bins=256, range=limits)
    found = histogram.get("counts", [])
    report.equal(f"{name} histogram sum", (len(found), sum(found)), (256, values.size))
    if is_exact:
        report.check(f"{name} histogram counts", list(counts) == found)
        expected = numpy.unique(values, return_counts=True)[1].max() / values.size
        report.check(f"{name} constant_fraction", near(entry.get("constant_fraction"), expected, 1e-12), expected)
    else:
        report.equal(f"{name} constant_fraction", entry.get("constant_fraction", ""), None)


def label_counts(dataset):
    """What a label's voxels are, by its own attributes."""
    values, attributes = real(dataset), dataset.attrs
    is_unknown = numpy.zeros(values.shape, bool) if "unknown" not in attributes else values == attributes["unknown"]
    is_absent = ~is_unknown & (values == attributes.get("absent", 0))
    rest = values[~is_unknown & ~is_absent]
    return {
        "voxels": values.size, "unknown": int(is_unknown.sum()), "absent": int(is_absent.sum()),
        "labelled": rest.size, "instances": len(numpy.unique(rest)),
    }


def check_label(report, name, entry, counts):
    for key, expected in counts.items():
        report.equal(f"{name} {key}", entry.get(key), expected)
    expected = (counts["voxels"] - counts["unknown"]) / counts["voxels"]
    report.check(f"{name} annotated_fraction", near(entry.get("annotated_fraction"), expected, 1e-12), expected)


def check_files(report, out, text, folder):
    """One text and its files; returns the real raw voxels and the counts of the labels by dataset."""
    together = {}
    with open(os.path.join(out, "txt", text), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        name = f"{text} {entry['name']}"
        with h5py.File(os.path.join(out, folder, entry["name"]), "r") as file:
            raw = real(file["raw_crop"])
            check_raw(report, f"{name} raw", entry["raw"], raw)
            report.check(f"{name} raw chunks", {"chunks", "stored_chunks"} <= set(entry["raw"]))
            labels = {key: label_counts(file[f"label_crop/{key}"]) for key in file.get("label_crop", {})}
            for key, counts in labels.items():
                found, attributes = entry["labels"][key], file[f"label_crop/{key}"].attrs
                check_label(report, f"{name} {key}", found, counts)
                report.equal(
                    f"{name} {key} evidence", found.get("evidence"),
                    "derived" if "derived_from" in attributes else "stored")
                quality = attributes.get("label_quality")
                quality = quality.decode() if isinstance(quality, bytes) else quality
                report.equal(f"{name} {key} quality", found.get("label_quality", ""), quality)
        crops, dataset = together.setdefault(entry["dataset"], ([], {}))
        crops.append(raw)
        for key, counts in labels.items():
            sums = dataset.setdefault(key, {"crops": 0})
            sums["crops"] += 1
            for what, count in counts.items():
                sums[what] = sums.get(what, 0) + count
    return together


def check(report, out):
    check_files(report, out, "attributes.json", "hdf5")
    together = check_files(report, out, "crops.json", "crops")
    with open(os.path.join(out, "txt", "datasets.json"), encoding="utf-8") as file:
        entries = json.load(file)
    report.equal("datasets.json names", [entry["name"] for entry in entries], sorted(together))
    for entry in entries:
        crops, labels = together[entry["name"]]
        name = f"datasets.json {entry['name']}"
        report.equal(f"{name} crops", entry["crops"], len(crops))
        check_raw(report, f"{name} raw", entry["raw"], numpy.concatenate(crops))
        report.equal(f"{name} classes", sorted(entry["labels"]), sorted(labels))
        for key, counts in labels.items():
            report.equal(f"{name} {key} crops", entry["labels"][key].get("crops"), counts.pop("crops"))
            check_label(report, f"{name} {key}", entry["labels"][key], counts)
