"""Writes a replica of the public bucket: eight real crops of five datasets, only the chunks they touch.

    replica.py OUT_DIR [--small] [--hostile] [--awkward]

Positions, voxel sizes and shapes are those of the public crop manifests; where a real crop is large its shape is cut,
never its position. `--small` cuts further and makes the raw chunks small. `--hostile` adds a dataset whose metadata
try to lead a reader out of its folders, `--awkward` adds crops that are easy to get wrong. OUT_DIR/truth.json says what was put where.
"""

import argparse
import itertools
import json
import multiprocessing
import os

import numpy

import synthetic
from awkward import write_awkward
from hostile import write_hostile
from zarr_files import ArrayWriter, as_one_line, as_zarr_python, write_group, write_text

BUCKET = "janelia-cosem-datasets"
ZSTD = {"id": "zstd", "level": 6}
ZSTD_CHECKSUM = {"checksum": True, "id": "zstd", "level": 6}
ZSTD_NO_CHECKSUM = {"checksum": False, "id": "zstd", "level": 6}
BLOSC_LZ4 = {"blocksize": 0, "clevel": 5, "cname": "lz4", "id": "blosc", "shuffle": 1}
BLOSC_ZSTD = {"blocksize": 0, "clevel": 5, "cname": "zstd", "id": "blosc", "shuffle": 2}
GZIP = {"id": "gzip", "level": 5}

DATASETS = {
    # name: raw voxel (nm), s0 shape, levels, rounding of level shapes, compressor, byte form of the metadata
    "jrc_hela-2": ([5.24, 4.0, 4.0], [6368, 1600, 12000], 7, "ceil", ZSTD, as_zarr_python),
    "jrc_mus-liver": ([8.0, 8.0, 8.0], [8932, 12728, 12747], 11, "ceil", ZSTD_CHECKSUM, as_zarr_python),
    "jrc_cos7-1a": ([2.0, 2.0, 2.0], [1813, 4368, 20609], 11, "ceil", ZSTD_NO_CHECKSUM, as_one_line),
    "jrc_fly-vnc-1": ([4.0, 4.0, 4.0], [2281, 2603, 8107], 9, "floor", BLOSC_LZ4, as_zarr_python),
    "jrc_sum159-1": ([4.56, 4.0, 4.0], [7645, 2815, 15991], 6, "ceil", BLOSC_ZSTD, as_one_line),
}

# Rows of the public manifests: crop, dataset, label s0 voxel and translation (nm), label s0 shape, and where its box
# starts in raw s0. `cut` is the shape used here, `levels` how many the labels have, `raw` the raw level that fits at 8 nm.
CROPS = [
    dict(id=7, dataset="jrc_hela-2", voxel=[2.62, 2.0, 2.0], translation=[-1.31, 959.0, 33119.0],
         shape=[160, 600, 600], start=[0, 240, 8280], cut=[80, 200, 200], levels=3, raw=0),
    dict(id=9, dataset="jrc_hela-2", voxel=[2.62, 2.0, 2.0], translation=[8429.85, 1679.0, 11599.0],
         shape=[106, 200, 200], start=[1609, 420, 2900], cut=[106, 200, 200], levels=3, raw=0),
    dict(id=124, dataset="jrc_mus-liver", voxel=[4.0, 4.0, 4.0], translation=[43798.0, 36358.0, 76838.0],
         shape=[400, 400, 400], start=[5475, 4545, 9605], cut=[160, 160, 160], levels=5, raw=0),
    dict(id=132, dataset="jrc_mus-liver", voxel=[8.0, 8.0, 8.0], translation=[35544.0, 45728.0, 26576.0],
         shape=[200, 200, 200], start=[4443, 5716, 3322], cut=[80, 96, 90], levels=2, raw=0),
    dict(id=177, dataset="jrc_mus-liver", voxel=[16.0, 16.0, 16.0], translation=[6404.0, 3204.0, 3204.0],
         shape=[400, 400, 400], start=[800, 400, 400], cut=[40, 50, 60], levels=2, raw=1),
    dict(id=239, dataset="jrc_cos7-1a", voxel=[2.0, 2.0, 2.0], translation=[3028.0, 4874.0, 9364.0],
         shape=[299, 400, 400], start=[1514, 2437, 4682], cut=[299, 200, 200], levels=3, raw=0),
    dict(id=176, dataset="jrc_fly-vnc-1", voxel=[2.0, 2.0, 2.0], translation=[1999.0, 799.0, 1399.0],
         shape=[400, 400, 400], start=[500, 200, 350], cut=[200, 240, 240], levels=4, raw=1),
    dict(id=22, dataset="jrc_sum159-1", voxel=[2.28, 2.0, 2.0], translation=[24531.659999999996, 1839.0, 16039.0],
         shape=[200, 340, 340], start=[5380, 460, 4010], cut=[96, 340, 340], levels=4, raw=1),
]

# What each crop's label groups are: class, dtype, chunks, compressor, separator.
LABELS = {
    7: [("all", "|u1", [64, 64, 64], ZSTD, "/")],
    9: [("all", "|u1", [64, 64, 64], ZSTD, "/"), ("mito", "<u4", [64, 64, 64], ZSTD, "/"),
        ("mito_mem", "|u1", [64, 64, 64], GZIP, "/")],
    124: [("all", "|u1", [64, 64, 64], None, "/"), ("mito", "<u8", [64, 64, 64], GZIP, "/")],
    132: [("all", "|u1", [32, 48, 40], GZIP, "/"), ("mito", "|u1", [32, 48, 40], BLOSC_ZSTD, "/")],
    177: [("all", "|u1", [64, 128, 128], ZSTD_CHECKSUM, "/"), ("mito", "|u1", [64, 128, 128], None, "/")],
    239: [("all", "|u1", [64, 64, 64], ZSTD, "/"), ("mito", "<u2", [64, 64, 64], BLOSC_LZ4, "/"),
          ("mito_mem", "|u1", [64, 64, 64], None, "/")],
    176: [("mito_mem", "|u1", [64, 64, 64], ZSTD, "/"), ("nuc", "<u8", [64, 64, 64], ZSTD, "/")],
    22: [("all", "|u1", [64, 64, 64], ZSTD, "/"), ("mito", "<u4", [50, 70, 60], BLOSC_ZSTD, "."),
         ("mito_mem", "|u1", [64, 64, 64], ZSTD_CHECKSUM, ".")],
}

IDENTIFIERS = {"|u1": (1, 1), "<u2": (40000, 1013), "<u4": (65530, 9973), "<u8": (2**33 + 7, 2**31 + 11)}
MITOCHONDRIA = 14
PADDING_VOXELS = 8
INFERENCE = ["jrc_hela-2", "jrc_mus-nacc-2"]


def halved(shape, rounding):
    return [max(1, -(-n // 2) if rounding == "ceil" else n // 2) for n in shape]


def pyramid(voxel, translation, shape, levels, rounding):
    """[(voxel, translation, shape)] of every level, with the float noise real metadata carry."""
    out = []
    for level in range(levels):
        noisy = [float(numpy.nextafter(v, 1e9)) if level in (2, 7) and v % 1 else v for v in voxel]
        out.append((noisy, translation, shape))
        translation = [t + v / 2 for t, v in zip(translation, voxel)]
        voxel = [v * 2 for v in voxel]
        shape = halved(shape, rounding)
    return out


def multiscales(levels, name, whole=True):
    """The OME-NGFF 0.4 block in the key order of the public metadata."""
    block = {
        "axes": [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"],
        "coordinateTransformations": [{"scale": [1.0, 1.0, 1.0], "type": "scale"}],
        "datasets": [
            {
                "coordinateTransformations": [
                    {"scale": voxel, "type": "scale"},
                    {"translation": translation, "type": "translation"},
                ],
                "path": f"s{level}",
            }
            for level, (voxel, translation, _) in enumerate(levels)
        ],
        "metadata": None,
        "name": name,
        "type": None,
        "version": "0.4",
    }
    if not whole:
        for key in ("coordinateTransformations", "metadata", "type"):
            del block[key]
    return {"multiscales": [block]}


def annotation(name):
    """The `cellmap` block of a label class; `all` has none."""
    if name == "all":
        return {}
    semantic = name == "mito_mem"
    encoding = {"absent": 0, "present": 1, "unknown": 255} if semantic else {"absent": 0, "unknown": 255}
    kind = "semantic_segmentation" if semantic else "instance_segmentation"
    return {"cellmap": {"annotation": {"annotation_type": {"encoding": encoding, "type": kind}, "class_name": name}}}


def write_labels(root, crop):
    """All label groups of one crop; returns what truth.json says about them."""
    base = os.path.join(root, crop["dataset"], crop["dataset"] + ".zarr", "recon-1/labels/groundtruth")
    folder = os.path.join(base, f"crop{crop['id']}")
    rounding, style = DATASETS[crop["dataset"]][3], DATASETS[crop["dataset"]][5]
    names = [label[0] for label in LABELS[crop["id"]]]
    write_group(folder, {"cellmap": {"annotation": {
        "class_names": names, "created_by": [], "created_with": [], "description": "", "duration_days": None,
        "end_date": None, "name": f"crop{crop['id']}", "protocol_uri": None, "start_date": None,
        "version": "0.1.1"}}}, style)
    levels = pyramid(crop["voxel"], crop["translation"], crop["cut"], crop["levels"], rounding)
    first_edge = [t - v / 2 for t, v in zip(crop["translation"], crop["voxel"])]
    extent = [n * v for n, v in zip(crop["cut"], crop["voxel"])]
    cell = synthetic.Cell(crop["id"], first_edge, extent, MITOCHONDRIA)
    for name, dtype, chunks, compressor, separator in LABELS[crop["id"]]:
        group = os.path.join(folder, name)
        write_group(group, {**annotation(name), **multiscales(levels, "nominal", crop["id"] % 2 == 0)}, style)
        first, step = IDENTIFIERS[dtype]
        identifiers = [first + step * k for k in range(MITOCHONDRIA)]
        for level, (voxel, translation, shape) in enumerate(levels):
            if name == "all":
                values = cell.everything(voxel, translation, shape)
            elif name == "mito_mem":
                values = cell.membrane(voxel, translation, shape, dtype)
            elif crop["id"] == 132:
                values = numpy.zeros(shape, dtype=dtype)
                cell.corner(values, voxel, translation)[...] = 255
            else:
                values = cell.mito(voxel, translation, shape, dtype, identifiers, unknown=True)
            block = annotation(name)
            if block:
                counts = {"absent": int((values == 0).sum()), "unknown": int((values == 255).sum())}
                block["cellmap"]["annotation"]["complement_counts"] = counts if level == 0 else None
            path = os.path.join(group, f"s{level}")
            ArrayWriter(path, shape, chunks, dtype, compressor, separator, block, style).write_all(values)
    return names


def raw_box(crop, level):
    """[start, stop) of the padded crop in a raw level, in voxels, cut to that level's shape."""
    voxel, shape, levels, rounding = DATASETS[crop["dataset"]][:4]
    shape = pyramid(voxel, [0.0] * 3, shape, levels, rounding)[level][2]
    count = [n * v / w for n, v, w in zip(crop["cut"], crop["voxel"], voxel)]
    start = [max(0, int(s // 2**level) - PADDING_VOXELS) for s in crop["start"]]
    stop = [min(n, int((s + c) // 2**level) + 2 + PADDING_VOXELS) for n, s, c in zip(shape, crop["start"], count)]
    return start, stop


def hole(dataset, level, index, chunks):
    """Whether a raw chunk is left unstored although a crop needs it: crop 7 reaches out of the specimen."""
    corner = [i * c for i, c in zip(index, chunks)]
    return dataset == "jrc_hela-2" and level == 0 and corner[0] < 64 and corner[2] >= 8320


def write_raw_chunk(job):
    path, dataset, level, index, chunks = job
    voxel, shape, levels, rounding, compressor, style = DATASETS[dataset]
    voxel, translation, shape = pyramid(voxel, [0.0] * 3, shape, levels, rounding)[level]
    array = ArrayWriter(path, shape, chunks, "|u1", compressor, style=style)
    start = [i * c for i, c in zip(index, chunks)]
    stop = [min(n, a + c) for n, a, c in zip(shape, start, chunks)]
    array.write_chunk(index, synthetic.raw(start, stop, voxel, translation, level))


def raw_jobs(root, chunks):
    """Writes the raw metadata and returns one job per chunk to be stored."""
    jobs = set()
    for dataset, (voxel, shape, count, rounding, compressor, style) in DATASETS.items():
        zarr = os.path.join(root, dataset, dataset + ".zarr")
        group = os.path.join(zarr, "recon-1/em/fibsem-uint8")
        for name in ("", "recon-1", "recon-1/em", "recon-1/labels", "recon-1/labels/groundtruth"):
            write_group(os.path.join(zarr, name).rstrip("/"), style=style)
        levels = pyramid(voxel, [0.0] * 3, shape, count, rounding)
        write_group(group, multiscales(levels, ""), style)
        for level, (_, _, level_shape) in enumerate(levels):
            attributes = {} if dataset == "jrc_mus-liver" else None
            path = os.path.join(group, f"s{level}")
            ArrayWriter(path, level_shape, chunks, "|u1", compressor, "/", attributes, style)
        for crop in (crop for crop in CROPS if crop["dataset"] == dataset):
            for level in range(max(0, crop["raw"] - 1), min(count, crop["raw"] + 2)):
                start, stop = raw_box(crop, level)
                ranges = [range(a // c, -(-b // c)) for a, b, c in zip(start, stop, chunks)]
                for index in itertools.product(*ranges):
                    if not hole(dataset, level, index, chunks):
                        jobs.add((os.path.join(group, f"s{level}"), dataset, level, index, tuple(chunks)))
    return sorted(jobs)


def write_raw_around(root, dataset, start, stop, chunks):
    """The raw chunks of the two finest levels that a box of the finest needs."""
    voxel, shape, count, rounding, _, _ = DATASETS[dataset]
    group = os.path.join(root, dataset, dataset + ".zarr", "recon-1/em/fibsem-uint8")
    for level, (_, _, shape) in enumerate(pyramid(voxel, [0.0] * 3, shape, 2, rounding)):
        ranges = [
            range(a // 2**level // c, -(-min(n, b // 2**level + 1) // c))
            for a, b, c, n in zip(start, stop, chunks, shape)
        ]
        for index in itertools.product(*ranges):
            write_raw_chunk((os.path.join(group, f"s{level}"), dataset, level, index, tuple(chunks)))


def write_surroundings(root):
    """What else lies in such a bucket: inference, a second alignment, masks, an N5 container, stray objects."""
    for dataset in INFERENCE:
        recon = "recon-1" if dataset in DATASETS else "recon-2"
        zarr = os.path.join(root, dataset, dataset + ".zarr")
        write_group(zarr)
        if dataset not in DATASETS:
            levels = pyramid([2.96, 4.0, 4.0], [0.0] * 3, [64, 128, 130], 3, "floor")
            group = os.path.join(zarr, recon, "em/fibsem-int16")
            write_group(os.path.dirname(os.path.dirname(group)))
            write_group(os.path.dirname(group))
            write_group(group, multiscales(levels, ""))
            for level, (_, _, shape) in enumerate(levels):
                path = os.path.join(group, f"s{level}")
                array = ArrayWriter(path, shape, [64] * 3, "<i2", {"id": "zstd", "level": 1})
                array.write_all((numpy.indices(shape).sum(axis=0) - 100).astype("<i2"))
        group = os.path.join(zarr, recon, "labels/inference/segmentations/mito")
        for folder in ("labels", "labels/inference", "labels/inference/segmentations"):
            write_group(os.path.join(zarr, recon, folder))
        levels = pyramid([83.84, 64.0, 64.0], [39.3, 30.0, 30.0], [40, 50, 60], 2, "ceil")
        write_group(group, multiscales(levels, "nominal"))
        for level, (_, _, shape) in enumerate(levels):
            array = ArrayWriter(os.path.join(group, f"s{level}"), shape, [32] * 3, "|u1", GZIP)
            array.write_all(((numpy.indices(shape).sum(axis=0) % 17) == 0).astype("|u1") * 255)
    second = os.path.join(root, "jrc_cos7-1a/jrc_cos7-1a.zarr/recon-2")
    levels = pyramid([4.0] * 3, [0.0] * 3, [906, 2184, 10304], 3, "ceil")
    write_group(second)
    write_group(os.path.join(second, "em"))
    write_group(os.path.join(second, "em/fibsem-uint8"), multiscales(levels, ""))
    for level, (_, _, shape) in enumerate(levels):
        ArrayWriter(os.path.join(second, f"em/fibsem-uint8/s{level}"), shape, [64, 128, 128], "|u1", ZSTD)
    masks = os.path.join(root, "jrc_mus-liver/jrc_mus-liver.zarr/recon-1/labels/masks")
    write_group(masks)
    ArrayWriter(os.path.join(masks, "evaluation"), [60, 70, 80], [32] * 3, "|u1", ZSTD)
    write_text(os.path.join(root, "jrc_hela-2/thumbnail.jpg"), "not a picture")
    write_text(os.path.join(root, "jrc_hela-2/neuroglancer/viewer_states/default.json"), "{}")
    write_text(os.path.join(root, "csc-zipped-data/all_res_no_pad.zip"), "not an archive")
    n5 = {"axes": ["x", "y", "z"], "n5": "2.5.0", "units": ["nm", "nm", "nm"]}
    write_text(os.path.join(root, "jrc_dauer-larva/jrc_dauer-larva.n5/attributes.json"), as_one_line(n5))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--small", action="store_true", help="smaller crops, small raw chunks")
    parser.add_argument("--hostile", action="store_true", help="add a dataset which tries to lead a reader astray")
    parser.add_argument("--awkward", action="store_true", help="add crops that are easy to get wrong")
    options = parser.parse_args()
    chunks = [16, 32, 32] if options.small else [64, 128, 128]
    if options.small:
        for crop in CROPS:
            crop["cut"] = [max(8, n // 2 // 8 * 8) for n in crop["cut"]]
    root = os.path.join(options.out, BUCKET)
    jobs = raw_jobs(root, chunks)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        chunk_work = pool.map_async(write_raw_chunk, jobs, chunksize=4)
        classes = {crop["id"]: write_labels(root, crop) for crop in CROPS}
        chunk_work.get()
    write_surroundings(root)
    if options.hostile:
        write_hostile(root)
    if options.awkward:
        for box in write_awkward(root, multiscales, pyramid):
            write_raw_around(root, *box, chunks)
    truth = {
        "bucket": BUCKET,
        "crops": [{**crop, "classes": classes[crop["id"]]} for crop in CROPS],
        "datasets": {
            name: {"groundtruth": name in DATASETS, "inference": name in INFERENCE, "voxel": (
                DATASETS[name][0] if name in DATASETS else [2.96, 4.0, 4.0])}
            for name in sorted({*DATASETS, *INFERENCE})
        },
        "raw_chunks": len(jobs),
    }
    write_text(os.path.join(options.out, "truth.json"), json.dumps(truth, indent=2) + "\n")


if __name__ == "__main__":
    main()
