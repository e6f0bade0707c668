"""What `cristae run` does, as it is done with Python today: zarr-python over obstore, h5py, scikit-image, a process a core.

For each ground-truth crop with the class: labels and the raw box around them at native resolution to hdf5/crop_N.h5, and both
at the target voxel size to crops/crop_N.h5; what is in the files to attributes.json and crops.json. Nothing can be resumed,
each crop is held in memory, and labels are picked where `cristae` takes the majority.
"""

import json
import multiprocessing
import os
import time

from measure import Measurement, peak_kib, sync
from transfers import fresh

PROCESSES = 2


def open_store(endpoint, bucket):
    from obstore.store import S3Store
    return S3Store(bucket, endpoint=endpoint, region="us-east-1", skip_signature=True, virtual_hosted_style_request=False,
                   client_options={"allow_http": True})


def prepare(started):
    """Imports of a worker, which are no part of the work."""
    import h5py  # noqa: F401
    import obstore  # noqa: F401
    import skimage.transform  # noqa: F401
    import zarr.storage  # noqa: F401
    started.wait()


def child_folders(store, prefix):
    import obstore
    return obstore.list_with_delimiter(store, prefix)["common_prefixes"]


def find_crops(endpoint, bucket, class_name):
    """(raw image, label image) of each crop that has the class."""
    store = open_store(endpoint, bucket)
    for dataset in child_folders(store, ""):
        recon = f"{dataset}/{dataset}.zarr/recon-1"
        for crop in child_folders(store, f"{recon}/labels/groundtruth/"):
            if f"{crop}/{class_name}" in child_folders(store, f"{crop}/"):
                yield f"{recon}/em/fibsem-uint8", f"{crop}/{class_name}"


def levels(group):
    """[(path, voxel size, translation)] in nm."""
    found = []
    for level in group.attrs["multiscales"][0]["datasets"]:
        transforms = {t["type"]: t[t["type"]] for t in level["coordinateTransformations"]}
        found.append((level["path"], transforms["scale"], transforms["translation"]))
    return found


def choose(raw, labels, target):
    """The coarsest pair of levels of equal voxel size below 1.2 times the target, or the finest pair."""
    import numpy
    pairs = [(a, b) for a in raw for b in labels if numpy.allclose(a[1], b[1], rtol=1e-3)]
    fitting = [pair for pair in pairs if max(pair[0][1]) < 1.2 * target]
    return max(fitting, key=lambda pair: pair[0][1][1]) if fitting else min(pairs, key=lambda pair: pair[0][1][1])


def save(path, raw, labels, class_name, level, voxel, translation):
    import h5py
    with h5py.File(path, "w") as file:
        file.attrs.update({"scale": voxel, "translation": translation})
        file.create_dataset("raw_crop", data=raw, compression="gzip", compression_opts=level)
        file.create_dataset(f"label_crop/{class_name}", data=labels, compression="gzip", compression_opts=level)
    sync(path)


def statistics(name, raw, labels, class_name, voxel, translation):
    """The entry of a file in the summaries: intensities, and how many voxels and instances of the class there are."""
    import numpy
    present = int(numpy.count_nonzero(labels))
    instances = sum(1 for i in numpy.unique(labels) if i)
    return {"name": name, "shape": raw.shape, "voxel_size": list(voxel), "translation": list(translation),
            "raw": {"min": int(raw.min()), "max": int(raw.max()), "mean": float(raw.mean(dtype=numpy.float64))},
            "labels": {class_name: {"absent": labels.size - present, "present": present, "instances": instances}}}


def do_crop(job):
    """One crop from the store to its two files; returns what it took this process, and the entries of both."""
    import numpy
    import zarr
    from skimage.transform import rescale
    from zarr.storage import ObjectStore
    endpoint, bucket, dest, class_name, target, level, raw_path, label_path = job
    before = time.process_time()
    store = ObjectStore(open_store(endpoint, bucket), read_only=True)
    images = [zarr.open_group(store, path=path, mode="r", zarr_format=2, use_consolidated=False)
              for path in (raw_path, label_path)]
    (raw_level, voxel, origin), (label_level, _, translation) = choose(*(levels(image) for image in images), target)
    labels = images[1][label_level][:]
    first = [round((t - o) / v) for t, o, v in zip(translation, origin, voxel)]
    raw = images[0][raw_level][tuple(slice(f, f + n) for f, n in zip(first, labels.shape))]
    name = "crop_" + label_path.split("/")[-2].removeprefix("crop") + ".h5"
    save(os.path.join(dest, "hdf5", name), raw, labels, class_name, level, voxel, translation)
    factor = [v / target for v in voxel]
    small = rescale(raw, factor, order=1, anti_aliasing=min(factor) < 1, preserve_range=True)
    small = numpy.rint(small).astype(raw.dtype)
    small_labels = rescale(labels, factor, order=0, anti_aliasing=False, preserve_range=True).astype(labels.dtype)
    edge = [t - v / 2 + target / 2 for t, v in zip(translation, voxel)]
    save(os.path.join(dest, "crops", name), small, small_labels, class_name, level, [target] * 3, edge)
    entries = (statistics(name, raw, labels, class_name, voxel, translation),
               statistics(name, small, small_labels, class_name, [target] * 3, edge))
    return os.getpid(), time.process_time() - before, peak_kib(), labels.size, int(small_labels.any()), entries


def whole_job(options):
    for folder in ("hdf5", "crops"):
        fresh(os.path.join(options.dest, folder))
    context = multiprocessing.get_context("spawn")
    started = context.Barrier(PROCESSES + 1)
    with context.Pool(PROCESSES, prepare, (started,)) as pool:
        import obstore  # noqa: F401
        started.wait()
        with Measurement() as measurement:
            given = (options.endpoint, options.bucket, options.dest, options.class_name, options.target, options.level)
            jobs = [(*given, *pair)
                    for pair in find_crops(options.endpoint, options.bucket, options.class_name)]
            done = list(pool.imap_unordered(do_crop, jobs))
            for place, (folder, summary) in enumerate((("hdf5", "attributes.json"), ("crops", "crops.json"))):
                path = os.path.join(options.dest, summary)
                with open(path, "w", encoding="utf-8") as file:
                    json.dump([one[-1][place] for one in done], file)
                sync(path)
                sync(os.path.join(options.dest, folder))
    if not done:
        raise SystemExit(f"no crop with {options.class_name} in {options.bucket}")
    peaks = {}
    for process, cpu, peak, *_ in done:
        measurement.worker_cpu_seconds += cpu
        peaks[process] = max(peak, peaks.get(process, 0))
    measurement.worker_peak_kib = sum(peaks.values())
    return measurement.report(items=len(done), voxels=sum(d[3] for d in done), with_labels=sum(d[4] for d in done),
                              level=options.level, processes=PROCESSES)
