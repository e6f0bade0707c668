"""A dataset whose names and metadata try to lead a reader out of its folders, or to make it take too much memory."""

import json
import os

import numpy

from zarr_files import ArrayWriter, as_zarr_python, write_group, write_text

DATASET = "jrc_hostile"
OUTSIDE = "../../../../../../escaped"


def _multiscales(path, scale=8.0, translation=0.0):
    return {"multiscales": [{
        "axes": [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"],
        "datasets": [{"path": path, "coordinateTransformations": [
            {"type": "scale", "scale": [scale] * 3}, {"type": "translation", "translation": [translation] * 3}]}],
        "name": "nominal", "version": "0.4"}]}


def _label(folder, name, path="s0", claimed=None):
    group = os.path.join(folder, name)
    block = {"cellmap": {"annotation": {"class_name": claimed or name, "annotation_type": {
        "type": "instance_segmentation", "encoding": {"absent": 0, "unknown": 255}}}}}
    write_group(group, {**block, **_multiscales(path)})
    array = ArrayWriter(os.path.join(group, "s0"), [8, 8, 8], [8, 8, 8], "|u1", None)
    array.write_all(numpy.ones([8, 8, 8], dtype="|u1"))
    return group


def _crop(base, name, classes):
    folder = os.path.join(base, name)
    write_group(folder, {"cellmap": {"annotation": {"class_names": classes, "name": OUTSIDE, "version": "0.1.1"}}})
    return folder


def write_hostile(root):
    """Every crop is a trap of its own; the raw volume is sound, so that nothing fails before the trap is reached."""
    zarr = os.path.join(root, DATASET, DATASET + ".zarr")
    base = os.path.join(zarr, "recon-1/labels/groundtruth")
    raw = os.path.join(zarr, "recon-1/em/fibsem-uint8")
    for folder in (zarr, os.path.dirname(os.path.dirname(raw)), os.path.dirname(raw), os.path.dirname(base), base):
        write_group(folder)
    write_group(raw, _multiscales("s0"))
    array = ArrayWriter(os.path.join(raw, "s0"), [16, 16, 16], [8, 8, 8], "|u1", None)
    array.write_all(numpy.full([16, 16, 16], 7, dtype="|u1"))
    # Class names which are paths: only in the metadata, where a folder cannot have them.
    names = ["mito", "..", OUTSIDE, "/tmp/escaped", "a/../../escaped", "mito\n/tmp/escaped"]
    _label(_crop(base, "crop9001", names), "mito")
    # A class folder whose group claims another name, and folders with dots, blanks and a tab.
    folder = _crop(base, "crop9002", ["mito", "..mito", "mito..", "mi to", "mi\tto"])
    for name in ("..mito", "mito..", "mi to", "mi\tto"):
        _label(folder, name, claimed=OUTSIDE)
    _label(folder, "mito", claimed="/tmp/escaped")
    # Level paths which lead out of the group.
    paths = {9003: "../../../../../../../../escaped", 9004: "/tmp/escaped", 9005: "s0/../../../s0", 9006: ""}
    for number, path in paths.items():
        _label(_crop(base, f"crop{number}", ["mito"]), "mito", path=path)
    # Crop names which are no crop names.
    for name in ("crop..", "crop-1", "crop", "crop99999999999999999999", "crop9007..", "..crop9008"):
        _label(_crop(base, name, ["mito"]), "mito")
    # Shapes, chunks and bodies which would take all memory, or divide by nothing.
    broken = {
        9010: {"shape": [2**62, 2**62, 2**62]},
        9011: {"chunks": [0, 8, 8]},
        9012: {"chunks": [2**40, 8, 8]},
        9013: {"shape": [-8, 8, 8]},
        9014: {"dtype": "|O"},
        9015: {"shape": [8, 8]},
    }
    for number, change in broken.items():
        group = _label(_crop(base, f"crop{number}", ["mito"]), "mito")
        path = os.path.join(group, "s0/.zarray")
        with open(path, encoding="utf-8") as file:
            metadata = json.load(file)
        write_text(path, as_zarr_python({**metadata, **change}))
    # Metadata which are no JSON, nest without end, or hold numbers which are none.
    scale = '{"type":"scale","scale":[0,-8,1e999]}'
    numbers = '{"multiscales":[{"datasets":[{"path":"s0","coordinateTransformations":[' + scale + "]}]}]}"
    for number, text in {9020: "{", 9021: "[" * 200_000, 9022: numbers}.items():
        group = _label(_crop(base, f"crop{number}", ["mito"]), "mito")
        write_text(os.path.join(group, ".zattrs"), text)
