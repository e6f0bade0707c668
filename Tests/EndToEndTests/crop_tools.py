"""Runs `cristae stat`, `resize` and `convert` on HDF5 files in the layouts of other programs, and compares with numpy.

usage: crop_tools.py CRISTAE FOLDER PART
"""

import hashlib
import json
import os
import subprocess
import sys

import h5py
import hdf5plugin
import numpy as np

CRISTAE, FOLDER, PART = sys.argv[1:4]
FIELDS = np.random.default_rng(11)


def expect(condition, message):
    if not condition:
        sys.exit(f"WRONG {message}")
    print(f"ok {message}")


def run(*arguments, code=0):
    done = subprocess.run([CRISTAE, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"WRONG exit {done.returncode}, expected {code}: {arguments}\n{done.stdout}\n{done.stderr}")
    return done


def path(*names):
    return os.path.join(FOLDER, *names)


def digest(file):
    with open(file, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


# ---- files as others make them

def blobs(shape, dtype, padding=0):
    """Ids in blocks, some unknown (255), and a border of -1."""
    coarse = FIELDS.choice([0, 0, 0, 1, 2, 7, 255, 300 if np.iinfo(dtype).max > 300 else 9], [s // 5 + 1 for s in shape])
    labels = coarse.repeat(5, 0).repeat(5, 1).repeat(5, 2)[tuple(map(slice, shape))].astype(dtype)
    noise = FIELDS.random(shape) < 0.1
    labels[noise] = FIELDS.integers(0, 5, noise.sum())
    if padding:
        inner = np.full(shape, -1, dtype)
        cut = (slice(padding, -padding),) * 3
        inner[cut] = labels[cut]
        return inner
    return labels


def noise(shape, dtype):
    values = FIELDS.integers(0, np.iinfo(dtype).max, shape, np.dtype(dtype).newbyteorder("="), endpoint=True)
    return values.astype(dtype)


def torch_em(name, scale, shape, padding=0, translation=(100.0, -50.0, 7.0), raw_shape=None, **options):
    """crop_<id>.h5 as torch_em's CellMap loader writes it."""
    options = options or {"compression": "gzip"}
    with h5py.File(name, "w") as f:
        f.attrs["crop_id"] = int(os.path.basename(name).split("_")[1].split(".")[0])
        f.attrs["scale"] = np.array(scale, "f4")
        f.attrs["em_level"] = "s0"
        if translation is not None:
            f.attrs["translation"] = np.array(translation, "f4")
            f.attrs["gt_level"] = "s1"
        f.create_dataset("raw_crop", data=noise(raw_shape or shape, "u1"), **options)
        for label in ["all", "mito"]:
            f.create_dataset(f"label_crop/{label}", data=blobs(shape, "i2", padding), **options)
    return name


# ---- what is expected

def overlaps(count, size, edge, target_count, target, target_edge):
    """Overlap lengths of target voxels (rows) with source voxels, in units of 1/100 nm."""
    def unit(value):
        return int(round(value * 100))
    low = unit(edge) + unit(size) * np.arange(count)[None]
    goal = unit(target_edge) + unit(target) * np.arange(target_count)[:, None]
    return np.clip(np.minimum(low + unit(size), goal + unit(target)) - np.maximum(low, goal), 0, None).astype(np.int64)


def sums(weights, values):
    for axis in range(3):
        values = np.moveaxis(np.tensordot(weights[axis], values, (1, axis)), 0, axis)
    return values


def mean(weights, values):
    """The exact mean over the overlap, halves to even; and where it is a half."""
    total = sums(weights, values.astype(np.int64))
    volume = sums(weights, np.ones(values.shape, np.int64))
    safe = np.maximum(volume, 1)
    low, rest = total // safe, total % safe
    up = (2 * rest > safe) | ((2 * rest == safe) & (low % 2 == 1))
    return np.where(volume > 0, low + up, 0), 2 * rest == safe


def majority(weights, values):
    best = np.zeros([len(w) for w in weights], np.int64)
    result = np.zeros(best.shape, values.dtype)
    for value in np.unique(values):
        votes = sums(weights, (values == value).astype(np.int64))
        result[votes > best] = value
        best = np.maximum(best, votes)
    return result


def names(group):
    """The paths of all datasets, all names of each."""
    found = []
    for name, node in group.items():
        found += [name] if isinstance(node, h5py.Dataset) else [f"{name}/{below}" for below in names(node)]
    return sorted(found)


def check_resized(source, result, target, grids=None, reference=None):
    """All datasets of `result` against those of `source`; `grids` are {path: (scale, translation)}."""
    with h5py.File(source) as f, h5py.File(result) as g:
        aliases = {"raw_crop": "raw"}
        for name in names(f):
            if name.startswith("label_crop/"):
                aliases[name] = name.replace("label_crop", "labels")
        paths = [name for name in names(f) if name not in aliases.values() or "raw_crop" not in f]
        also = [alias for name, alias in aliases.items() if name in paths]
        expect(sorted(paths + also) == names(g), f"{os.path.basename(source)}: the same datasets")
        expect(all(g[aliases[name]] == g[name] for name in paths if name in aliases), "second names are links")

        def grid(name):
            if grids and name in grids:
                return grids[name]
            translation = f.attrs.get("translation", np.zeros(3))
            return f.attrs["scale"].astype(float).round(4), translation.astype(float)
        reference = reference or next((p for p in paths if p.startswith("label")), paths[0])
        scale, translation = grid(reference)
        edge = np.array(translation) - np.array(scale) / 2
        extent = np.array(f[reference].shape) * scale
        shape = [max(1, int(np.floor(e / t + 0.5))) for e, t in zip(extent, target)]
        for name in paths:
            scale, translation = grid(name)
            first = np.array(translation) - np.array(scale) / 2
            weights = [
                overlaps(f[name].shape[a], scale[a], first[a], shape[a], target[a], edge[a]) for a in range(3)]
            values, got = f[name][:], g[name]
            expect(got.dtype == values.dtype.newbyteorder("="), f"{name}: dtype {got.dtype}")
            if "label" in name:
                wanted = majority(weights, values)
                expect(np.array_equal(got[:], wanted), f"{name}: majority {wanted.shape}")
            else:
                wanted, halves = mean(weights, values)
                off = np.abs(got[:].astype(np.int64) - wanted)
                expect((off <= halves).all(), f"{name}: mean {wanted.shape}, {halves.sum()} halves")
            goal = edge + np.array(target) / 2
            for key, value in [("scale", target), ("translation", goal), ("voxel_size", target), ("resolution", target),
                               ("offset", edge), ("resized_from_scale", scale)]:
                expect(np.allclose(got.attrs[key], value, rtol=0, atol=1e-4), f"{name}: {key}")
            expect(tuple(got.attrs["resized_from_shape"]) == values.shape, f"{name}: resized_from_shape")
            expect(list(got.attrs["DIMENSION_LABELS"]) == ["z", "y", "x"], f"{name}: DIMENSION_LABELS")
        for key, value in f.attrs.items():
            if key not in ["scale", "translation"]:
                expect(g.attrs[key] == value, f"{os.path.basename(result)}: attribute {key}")
        expect(np.allclose(g.attrs["scale"], target) and np.allclose(g.attrs["translation"], goal, atol=1e-4),
               f"{os.path.basename(result)}: scale and translation")


# ---- parts

def statistics():
    plain = torch_em(path("crop_1.h5"), (4, 2, 2), (40, 50, 60), padding=8)
    test = path("crop_2.h5")
    with h5py.File(test, "w") as f:
        f.attrs.update({"crop_id": 2, "scale": np.array([4, 4, 4], "f4"), "em_level": "s1"})
        f["raw_crop"] = noise((10, 11, 12), "u1")
    none = path("crop_3.h5")
    with h5py.File(none, "w") as f:
        f["raw_crop"] = noise((10, 11, 12), "u1")
    done = run("stat", FOLDER, path("missing.h5"), code=1)
    entries = json.loads(done.stdout)
    expect([e["name"] for e in entries] == ["crop_1.h5", "crop_2.h5", "crop_3.h5", "missing.h5"], "one entry a file")
    first, second, third, fourth = entries
    with h5py.File(plain) as f:
        raw = f["raw_crop"][:]
        expect(first["raw"]["min"] == raw.min() and first["raw"]["max"] == raw.max(), "smallest and largest")
        expect(abs(first["raw"]["mean"] - raw.mean()) < 1e-9, "mean")
        expect(abs(first["raw"]["std"] - raw.std()) < 1e-9, "std")
        for key, value in first["raw"]["percentiles"].items():
            expect(abs(value - np.percentile(raw, float(key))) < 1e-9, f"percentile {key}")
        expect(first["raw"]["histogram"]["counts"] == np.bincount(raw.ravel(), minlength=256).tolist(), "histogram")
        for name in ["all", "mito"]:
            values, entry = f[f"label_crop/{name}"][:], first["labels"][name]
            rest = values[~np.isin(values, [-1, 0, 255])]
            wanted = {
                "voxels": values.size, "padding": (values == -1).sum(), "unknown": (values == 255).sum(),
                "absent": (values == 0).sum(), "labelled": rest.size, "instances": len(np.unique(rest)),
                "dtype": "int16", "shape": list(values.shape), "empty": False}
            expect(all(entry[k] == v for k, v in wanted.items()), f"{name}: {wanted}")
    expect(first["voxel_size"] == [4, 2, 2] and first["translation"] == [100, -50, 7], "voxel size and translation")
    expect(first["attributes"]["crop_id"] == 1 and first["attributes"]["gt_level"] == "s1", "attributes")
    expect(any("padded" in note for note in first["notes"]), "a note about the padding")
    expect(second["translation"] is None and any("translation" in n for n in second["notes"]), "no translation")
    expect("voxel size" in third["error"], "no voxel size")
    expect("error" in fourth and "missing.h5" in fourth["error"], "no file")
    expect(len(done.stderr.strip().split("\n")) == 2, "a line for each failure")
    given = json.loads(run("stat", none, "--voxel-size", "30,8,8").stdout)
    expect(given[0]["voxel_size"] == [30, 8, 8], "--voxel-size")
    run("stat", FOLDER, "--voxel-size", "8,8", code=64)
    run("stat", code=64)


def resize():
    cases = [
        (torch_em(path("crop_1.h5"), (2, 2, 2), (70, 65, 90), padding=8), 8),
        (torch_em(path("crop_2.h5"), (5.24, 4, 4), (41, 33, 37)), 8),
        (torch_em(path("crop_3.h5"), (3.36, 8, 4), (40, 33, 30), raw_shape=(35, 40, 30), chunks=None), "8,8,10"),
        (torch_em(path("crop_4.h5"), (4, 4, 4), (33, 40, 70), translation=None, compression="gzip", shuffle=True,
                  chunks=(7, 40, 11)), 8),
        (torch_em(path("crop_5.h5"), (4, 4, 4), (30, 90, 100), chunks=(1, 90, 100), fletcher32=True), 9.5),
        (torch_em(path("crop_6.h5"), (2, 2, 2), (20, 20, 150), **hdf5plugin.Zstd()), 5),
    ]
    for source, target in cases:
        before = digest(source)
        result = path("out", os.path.basename(source))
        done = run("resize", source, result, "--target", target)
        expect(digest(source) == before, f"{source} is as it was")
        sizes = [float(t) for t in str(target).split(",")]
        check_resized(source, result, sizes * 3 if len(sizes) == 1 else sizes)
        lines = done.stderr.strip().split("\n")
        expect(("lined up at their first voxel" in done.stderr) == source.endswith("crop_3.h5"), "shapes that differ")
        expect(("no translation" in done.stderr) == source.endswith("crop_4.h5"), "a translation that is missing")
        expect(("padded" in done.stderr) == source.endswith("crop_1.h5"), "padding")
        expect(len(lines) == 2 if "warning" in done.stderr else len(lines) == 1, "one line")
    with h5py.File(path("out", "crop_1.h5")) as f:
        expect((f["label_crop/mito"][:2] == -1).all(), "padding stays -1")
    # A resized file whose input had no translation still has none.
    entry = json.loads(run("stat", path("out", "crop_4.h5")).stdout)[0]
    expect(entry["translation"] is None and entry["voxel_size"] == [8, 8, 8], "relative translations stay relative")
    # The other layout, attributes on the datasets, big-endian, raw data on a grid of their own.
    other = path("synapse.hdf5")
    with h5py.File(other, "w") as f:
        f.attrs["crop_id"] = 9
        f["raw"] = noise((60, 61, 62), ">u2")
        f["raw"].attrs.update({"scale": [4.0, 4.0, 4.0], "translation": [10.0, 10.0, 10.0], "resize_ratio": 2.0, "who": "me"})
        f["labels/mito"] = blobs((70, 80, 90), "u4")
        f["labels/mito"].attrs.update({"resolution": [2, 2, 2], "offset": [20, 30, 40]})
    run("resize", other, path("out", "new.h5"), "--target", "8")
    check_grids = {"raw": ((4, 4, 4), (10, 10, 10)), "labels/mito": ((2, 2, 2), (21, 31, 41))}
    with h5py.File(other) as f:
        expect("scale" not in f.attrs, "no attribute of the file")
    check_resized(other, path("out", "new.h5"), [8, 8, 8], check_grids, "labels/mito")
    with h5py.File(path("out", "new.h5")) as f:
        expect(f["raw"].attrs["who"] == "me" and "resize_ratio" not in f["raw"].attrs, "other attributes")
    # By factors of 2, and too much upsampling.
    run("resize", cases[1][0], path("two.h5"), "--target", "8", "--grid", "power_of_two")
    check_resized(cases[1][0], path("two.h5"), [5.24, 8, 8])
    coarse = torch_em(path("crop_7.h5"), (40, 8, 8), (5, 9, 9))
    done = run("resize", coarse, path("no.h5"), "--target", "8", code=1)
    expect(not os.path.exists(path("no.h5")) and len(done.stderr.strip().splitlines()) == 1, "too much upsampling")
    for text in ["raw_crop", "40 nm", "5 times", "max_upsampling is 2", "--max-upsampling 5", "--target 20,8,8"]:
        expect(text in done.stderr, f"{text!r} in {done.stderr!r}")
    run("resize", coarse, path("yes.h5"), "--target", "8", "--max-upsampling", "5")
    with h5py.File(path("yes.h5")) as f, h5py.File(coarse) as g:
        expect(np.array_equal(f["label_crop/mito"][:], g["label_crop/mito"][:].repeat(5, 0)), "labels upwards")


def folder():
    names = [torch_em(path("in", f"crop_{i}.h5"), (4, 4, 4), (20 + i, 20, 20)) for i in range(1, 4)]
    with h5py.File(path("in", "crop_lzf.h5"), "w") as f:
        f.attrs["scale"] = [4.0, 4.0, 4.0]
        f.create_dataset("raw_crop", data=noise((20, 20, 20), "u1"), compression="lzf")
    with h5py.File(path("in", "crop_size.h5"), "w") as f:
        f["raw_crop"] = noise((20, 20, 20), "u1")
    with h5py.File(path("in", "crop_flat.h5"), "w") as f:
        f.attrs["scale"] = [4.0, 4.0, 4.0]
        f["raw_crop"] = noise((20, 20), "u1")[:]
    with h5py.File(path("in", "crop_float.h5"), "w") as f:
        f.attrs["scale"] = [4.0, 4.0, 4.0]
        f["label_crop/mito"] = np.zeros((9, 9, 9), "f4")
    with open(path("in", "crop_no.h5"), "wb") as f:
        f.write(b"this is no HDF5 file")
    with open(names[1], "rb") as f, open(path("in", "crop_torn.h5"), "wb") as g:
        g.write(f.read()[:-3000])
    before = {name: digest(path("in", name)) for name in os.listdir(path("in"))}
    os.makedirs(path("out"))
    with open(path("out", "crop_2.h5"), "w") as f:
        f.write("something old")
    done = run("resize", path("in"), path("out"), "--target", "8", code=1)
    expect({name: digest(path("in", name)) for name in os.listdir(path("in"))} == before, "inputs are as they were")
    expect(sorted(os.listdir(path("out"))) == ["crop_1.h5", "crop_2.h5", "crop_3.h5"], "the good files, nothing else")
    for name in names:
        check_resized(name, path("out", os.path.basename(name)), [8, 8, 8])
    lines = done.stderr.strip().split("\n")
    for word in ["lzf", "voxel size", "axes", "float32", "crop_no.h5", "crop_torn.h5"]:
        expect(sum(word in line for line in lines) == 1, f"one line about {word}")
    again = path("again")
    run("resize", path("in"), again + "/", "--target", "8", "--memory", "128MiB", code=1)
    for name in names:
        name = os.path.basename(name)
        expect(digest(path("out", name)) == digest(os.path.join(again, name)), f"{name}: the same bytes")
    run("stat", path("out"))


def refusals():
    source = torch_em(path("crop_1.h5"), (4, 4, 4), (9, 9, 9))
    before = digest(source)
    os.symlink(source, path("soft.h5"))
    os.link(source, path("hard.h5"))
    os.symlink(FOLDER, path("self"))
    for output in [source, path("soft.h5"), path("hard.h5"), path("self", "crop_1.h5"), FOLDER, path("self")]:
        done = run("resize", source, output, "--target", "8", code=64)
        expect("input" in done.stderr, f"{output} is the input")
    run("resize", path("soft.h5"), source, "--target", "8", code=64)
    expect(digest(source) == before, "the input is as it was")
    os.makedirs(path("in"))
    os.rename(source, path("in", "crop_1.h5"))
    source = path("in", "crop_1.h5")
    os.symlink(path("in"), path("out"))
    run("resize", path("in"), path("out"), "--target", "8", code=64)
    run("resize", path("in"), source, "--target", "8", code=64)
    for arguments in [[], ["--target", "0"], ["--target", "8,8"], ["--target", "8", "--grid", "cubic"],
                      ["--target", "8", "--memory", "1MiB"], ["--target", "8", "--max-upsampling", "0.5"],
                      ["--target", "8", "--tolerance", "1"], ["--target", "8", "--compression", "lzma"]]:
        run("resize", source, path("new.h5"), *arguments, code=64)
    run("resize", source, os.path.join(source, "new.h5"), "--target", "8", code=74)
    run("resize", path("in"), path("fresh", "deep"), "--target", "8")
    expect(os.listdir(path("fresh", "deep")) == ["crop_1.h5"], "folders are made")
    os.makedirs(path("empty"))
    run("resize", path("empty"), path("fresh"), "--target", "8", code=1)
    run("resize", path("missing.h5"), path("fresh"), "--target", "8", code=1)
    expect(digest(source) == before, "the input is still as it was")


def compression():
    source = torch_em(path("crop_1.h5"), (4, 4, 4), (70, 71, 72), chunks=(20, 20, 20), compression="gzip", compression_opts=3)
    run("resize", source, path("gzip.h5"), "--target", "8")
    for name in ["zstd", "blosc", "none", "source"]:
        run("resize", source, path(f"{name}.h5"), "--target", "8", "--compression", name)
        with h5py.File(path("gzip.h5")) as f, h5py.File(path(f"{name}.h5")) as g:
            for dataset in ["raw_crop", "label_crop/all", "label_crop/mito"]:
                expect(np.array_equal(f[dataset][:], g[dataset][:]), f"{dataset} in {name}")
    with h5py.File(path("source.h5")) as f:
        expect(f["raw_crop"].chunks == (20, 20, 20) and f["raw_crop"].compression_opts == 3, "as the source")


def hdf5():
    """`cristae convert` on what h5py and hdf5plugin can make of a dataset, and on groups that go round in circles."""
    shape, chunks = (21, 17, 13), (8, 16, 5)
    filters = {"none": {}, "gzip": {"compression": "gzip"}, "zstd": hdf5plugin.Zstd(), "blosc": hdf5plugin.Blosc()}
    with h5py.File(path("source.h5"), "w") as f:
        for dtype in ["|u1", "<u2", ">i4", ">f8"]:
            values = noise(shape, ">i4").astype(dtype)
            for name, options in filters.items():
                for more in [{}, {"shuffle": True}, {"fletcher32": True}, {"shuffle": True, "fletcher32": True}]:
                    place = f"{dtype[1:]}/{'_'.join([name, *more])}"
                    f.create_dataset(place, data=values, chunks=chunks, **options, **more)
                    growing = {"shape": (3, 20, 4), "maxshape": (None,) * 3, "dtype": dtype, "chunks": chunks, "fillvalue": 7}
                    f.create_dataset(place + "_growing", **growing, **options, **more)[:2, :9] = values[:2, :9, :4]
        f["u1/again"] = h5py.SoftLink("/u1")
        f["u1/root"] = h5py.SoftLink("/")
        f["u1/hard"] = f["u1"]
        f["u1/other"] = h5py.SoftLink("/u2")
    done = run("convert", path("source.h5"), path("out.h5"))
    for name in ["again", "root", "hard"]:
        expect(f"/u1/{name}" in done.stderr, f"{name} is said to be left out")
    with h5py.File(path("source.h5")) as f, h5py.File(path("out.h5")) as g:
        expect(sorted(g) == sorted(f) and set(f["u1"]) - set(g["u1"]) == {"again", "root", "hard"}, "all groups")
        for group in [*g.values(), g["u1/other"]]:
            for name, dataset in group.items():
                if isinstance(dataset, h5py.Dataset):
                    source = f[dataset.name]
                    same = dataset.dtype == source.dtype.newbyteorder("=") and np.array_equal(dataset[:], source[:])
                    expect(same, dataset.name)
    with h5py.File(path("source.h5"), "r+") as f:
        found = f["u2/zstd_fletcher32"].id.get_chunk_info(0)
    with open(path("source.h5"), "r+b") as file:
        file.seek(found.byte_offset + found.size // 2)
        file.write(b"cristae")
    done = run("convert", path("source.h5"), path("broken.h5"), code=1)
    line = done.stderr.strip().splitlines()[-1]
    expect("/zstd_fletcher32 at [" in line and "fletcher32" in line, "a checksum is checked")
    expect(not os.path.exists(path("broken.h5")), "nothing is left")


os.makedirs(path("in") if PART == "folder" else FOLDER, exist_ok=True)
PARTS = {"statistics": statistics, "resize": resize, "folder": folder, "refusals": refusals, "compression": compression, "hdf5": hdf5}
PARTS[PART]()
