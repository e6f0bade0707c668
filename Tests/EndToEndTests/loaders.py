"""Loads crop files as others do, without training anything.

    loaders.py OUT [--classes mito]     out/hdf5 and out/crops of a job

torch is too heavy for these tests. `Patches` reproduces what torch_em says about its `default_segmentation_dataset`: files are opened
with h5py, raw data and labels by their keys; both must have one shape, of 2 to 4 axes; a patch has as many axes, and its place is drawn at
random between 0 and what is left of the shape; raw data and labels come as float32 with a channel axis before the others; a
dataset that goes to another process leaves its open files behind and opens them anew there. `cellmap` reproduces how its CellMap loader
chooses files: `crop_<id>.h5` with the dataset `label_crop/<class>`, and by the attribute `scale` where a voxel size is asked for.
Fiji's HDF5 plugin shows datasets of three axes, z first, whose attribute `element_size_um` holds three 32-bit floats, z first.

One line per fault; the last line is `N passed, N failed`; exit status 1 if any failed.
"""

import argparse
import glob
import multiprocessing
import os
import pickle
import sys
import zlib

import h5py
import numpy

PATCH = (16, 16, 16)
WORKERS = 4


class Report:
    def __init__(self):
        self.count, self.failed = 0, 0

    def expect(self, what, condition, detail=""):
        self.count += 1
        if not condition:
            self.failed += 1
            print(f"FAILED {what} {detail}")

    def end(self):
        print(f"{self.count - self.failed} passed, {self.failed} failed")
        return 1 if self.failed or not self.count else 0


class Patches:
    """Random patches of raw data and labels."""

    def __init__(self, path, raw_key, label_key, patch_shape, seed=0):
        self.path, self.raw_key, self.label_key = path, raw_key, label_key
        self.random = numpy.random.default_rng(seed)
        self.open()
        if self.raw.shape != self.labels.shape:
            raise ValueError(f"shapes {self.raw.shape} and {self.labels.shape}")
        self.shape = self.raw.shape
        if len(self.shape) not in (2, 3, 4) or len(patch_shape) != len(self.shape):
            raise ValueError(f"a patch of {patch_shape} in {self.shape}")
        if any(p > n for p, n in zip(patch_shape, self.shape)):
            raise ValueError(f"a patch of {patch_shape} is larger than {self.shape}")
        self.patch_shape = patch_shape

    def open(self):
        self.raw = h5py.File(self.path, "r")[self.raw_key]
        self.labels = h5py.File(self.path, "r")[self.label_key]

    def __len__(self):
        return int(numpy.prod([n / p for n, p in zip(self.shape, self.patch_shape)]))

    def __getitem__(self, _):
        start = [int(self.random.integers(0, n - p)) if n > p else 0 for n, p in zip(self.shape, self.patch_shape)]
        box = tuple(slice(a, a + p) for a, p in zip(start, self.patch_shape))
        return tuple(numpy.asarray(data[box]).astype("float32")[None] for data in (self.raw, self.labels))

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key not in ("raw", "labels")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.open()


def cellmap(folder, name, voxel_size=None):
    """The files of a folder that the CellMap loader takes for a class."""
    paths = []
    for path in sorted(glob.glob(os.path.join(folder, "crop_*.h5"))):
        with h5py.File(path, "r") as file:
            fits = voxel_size is None or all(numpy.array(voxel_size) == file.attrs["scale"])
            if f"label_crop/{name}" in file and fits:
                paths.append(path)
    return paths


def patch_of(shape):
    """No axis of a patch may be longer than the volume's."""
    return tuple(min(p, n) for p, n in zip(PATCH, shape))


def check_dataset(report, path, name):
    """A file through the names of either layout gives the same patches."""
    with h5py.File(path, "r") as file:
        shape = file["raw_crop"].shape
        paired = file["raw_crop"].shape == file[f"label_crop/{name}"].shape
        report.expect(f"{path} is paired as it says", paired or not file.attrs["levels_matched"])
        if not paired:
            # Raw data finer than the labels: only the resized file goes into a loader.
            return
    datasets = [Patches(path, *keys, patch_of(shape), seed=7) for keys in (
        ("raw_crop", f"label_crop/{name}"), ("raw", f"labels/{name}"))]
    report.expect(f"{path} length", len(datasets[0]) >= 1)
    drawn = []
    for _ in range(4):
        (raw, labels), (other_raw, other_labels) = (dataset[0] for dataset in datasets)
        report.expect(f"{path} patch", raw.shape == labels.shape == (1, *patch_of(shape)))
        report.expect(f"{path} two names", (raw == other_raw).all() and (labels == other_labels).all())
        drawn.append(raw)
    with h5py.File(path, "r") as file:
        whole = file["raw_crop"][:]
        report.expect(f"{path} types", whole.dtype.kind in "ui" and file[f"labels/{name}"].dtype.kind == "u")
        report.expect(f"{path} is not constant", whole.min() < whole.max())
        unknown = file[f"labels/{name}"].attrs.get("unknown")
        if unknown is not None:
            # Ids go through float32 as they are, and unknown voxels are told from objects by one number.
            ids = file[f"labels/{name}"][:]
            report.expect(f"{path} ids", ids.max() < 2**24 and int(unknown) == unknown)
    # A dataset survives the way to another process.
    copy = pickle.loads(pickle.dumps(datasets[0]))
    report.expect(f"{path} pickled", copy[0][0].shape == (1, *patch_of(shape)))
    try:
        Patches(path, "raw", f"labels/{name}", (shape[0] + 1, *shape[1:]))
        report.expect(f"{path} refuses a patch that is too large", False)
    except ValueError:
        report.expect(f"{path} refuses a patch that is too large", True)


def work(arguments):
    """In a process of its own: random patches, each with the checksum of its bytes."""
    path, name, seed = arguments
    random, drawn = numpy.random.default_rng(seed), []
    with h5py.File(path, "r") as file:
        for _ in range(10):
            key = ["raw", "raw_crop", f"labels/{name}", f"label_crop/{name}"][random.integers(4)]
            node = file[key]
            start = [int(random.integers(0, max(1, n - p + 1))) for n, p in zip(node.shape, PATCH)]
            box = tuple(slice(a, min(a + p, n)) for a, p, n in zip(start, PATCH, node.shape))
            drawn.append((key, start, zlib.crc32(numpy.ascontiguousarray(node[box]).tobytes())))
    return path, drawn


def check_workers(report, paths, name):
    whole = {}
    for path in paths:
        with h5py.File(path, "r") as file:
            whole[path] = {key: file[key][:] for key in ("raw_crop", f"label_crop/{name}")}
    jobs = [(path, name, seed) for seed in range(WORKERS) for path in paths]
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for path, drawn in pool.imap_unordered(work, jobs):
            for key, start, checksum in drawn:
                values = whole[path]["raw_crop" if key.startswith("raw") else f"label_crop/{name}"]
                box = tuple(slice(a, min(a + p, n)) for a, p, n in zip(start, PATCH, values.shape))
                expected = zlib.crc32(numpy.ascontiguousarray(values[box]).tobytes())
                report.expect(f"{path} {key} at {start} in a worker", checksum == expected)


def check_fiji(report, path):
    with h5py.File(path, "r") as file:
        nodes = []
        file.visititems(lambda key, node: nodes.append((key, node)) if isinstance(node, h5py.Dataset) else None)
        # Names that lead to what was seen before are not visited.
        report.expect(f"{path} datasets", len(nodes) >= 2 and len({node.id for _, node in nodes}) == len(nodes))
        for key, node in nodes:
            size = node.attrs["element_size_um"]
            report.expect(f"{path} {key} element_size_um", size.dtype == "float32" and size.shape == (3,))
            report.expect(
                f"{path} {key} micrometers", numpy.allclose(size, numpy.asarray(node.attrs["scale"]) / 1000, rtol=1e-6))
            report.expect(f"{path} {key} axes", [d.label for d in node.dims] == ["z", "y", "x"] and node.ndim == 3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--classes", default="mito")
    options = parser.parse_args()
    report = Report()
    for name in options.classes.split(","):
        native, crops = (cellmap(os.path.join(options.out, folder), name) for folder in ("hdf5", "crops"))
        report.expect(f"crops with {name}", len(crops) >= 2)
        report.expect("all of one voxel size", cellmap(os.path.join(options.out, "crops"), name, [8, 8, 8]) == crops)
        for path in crops:
            with h5py.File(path, "r") as file:
                report.expect(f"{path} shapes", file["raw"].shape == file[f"labels/{name}"].shape)
        for path in native + crops:
            check_dataset(report, path, name)
            check_fiji(report, path)
        check_workers(report, crops, name)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
