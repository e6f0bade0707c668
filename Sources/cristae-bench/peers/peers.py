"""One piece of work with one of the libraries Cristae is compared with, done as its competent user does it: `peers.py VERB …`.

    walk --endpoint URL --bucket NAME              all prefixes and group metadata, as the lab's scripts go through them
    obstore --endpoint URL --bucket NAME --keys FILE --dest DIR      each object of a list into a file
    s5cmd --endpoint URL --bucket NAME --keys FILE --dest DIR        the same
    copy SOURCE DEST                               cp -r, and all of it flushed
    convert-zarr-python SOURCE OUT.h5 --level 4    a Zarr v2 array to an HDF5 dataset, gzip
    convert-tensorstore SOURCE OUT.h5 --compression gzip --level 4   the same; also zstd, none
    resize --library skimage --what raw --factor 2 FILE.npy          an array in memory to a smaller one
    whole-job --endpoint URL --bucket NAME --dest DIR --target 8     store to crops at the target voxel size
    versions                                       of everything here

The last line on stdout is a JSON object: `seconds`, `cpu_seconds` and `peak_kib` of the work itself, without the interpreter's
start and imports, and what was done. A verb clears its destination first, and ends with another exit code than 0 where
anything is missing in the result.
"""

import argparse
import importlib
import importlib.metadata
import json
import platform
import subprocess


def walk(options):
    import transfers
    return transfers.walk(options)


def obstore(options):
    import transfers
    return transfers.obstore(options)


def s5cmd(options):
    import transfers
    return transfers.s5cmd(options)


def copy(options):
    import transfers
    return transfers.copy(options)


def convert_zarr_python(options):
    import conversion
    import h5py  # noqa: F401  not to be measured
    import zarr  # noqa: F401
    return conversion.with_zarr_python(options)


def convert_tensorstore(options):
    import conversion
    import h5py  # noqa: F401
    import hdf5plugin  # noqa: F401
    import tensorstore  # noqa: F401
    return conversion.with_tensorstore(options)


def resize(options):
    import resizing
    return resizing.resize(options)


def whole_job(options):
    import whole_job as job
    return job.whole_job(options)


def versions(_):
    found = {"python": platform.python_version()}
    modules = {"scikit-image": "skimage", "s5cmd": None}
    for name in ("boto3", "h5py", "hdf5plugin", "numcodecs", "numpy", "obstore", "quilt3", "s5cmd", "scikit-image", "scipy",
                 "tensorstore", "tinybrain", "zarr"):
        try:
            if name == "s5cmd":
                import transfers
                answer = subprocess.run([transfers.s5cmd_program(), "version"], check=True, capture_output=True, text=True)
                found[name] = answer.stdout.strip()
            else:
                importlib.import_module(modules.get(name, name))
                found[name] = importlib.metadata.version(name)
        except (Exception, SystemExit) as failure:
            found[name] = f"missing: {failure}"
    return found


def positive(text):
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: a positive number expected")
    return number


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)

    def verb(name, work, store=False, keys=False):
        one = verbs.add_parser(name)
        one.set_defaults(work=work)
        for option in ["--endpoint", "--bucket"] * store + ["--keys", "--dest"] * keys:
            one.add_argument(option, required=True)
        return one

    one = verb("walk", walk, store=True)
    one.add_argument("--threads", type=int, default=16)
    one.add_argument("--client", choices=["quilt3", "boto3"], default="quilt3",
                     help="quilt3 makes a client for each listing, as it does in the lab's scripts; boto3 shares one")
    one.add_argument("--listing", choices=["auto", "versions", "v2"], default="auto",
                     help="quilt3 lists versions; auto is that where the server can")
    one.add_argument("--limit", type=int, help="only so many datasets")
    one.add_argument("--target", type=positive, default=8.0)
    verb("obstore", obstore, True, True).add_argument("--concurrency", type=int, default=64)
    verb("s5cmd", s5cmd, True, True).add_argument("--workers", type=int, default=64)
    one = verb("copy", copy)
    one.add_argument("source")
    one.add_argument("dest")
    for name, work, codecs in (("convert-zarr-python", convert_zarr_python, ["gzip", "none"]),
                               ("convert-tensorstore", convert_tensorstore, ["gzip", "none", "zstd"])):
        one = verb(name, work)
        one.add_argument("source")
        one.add_argument("out")
        one.add_argument("--compression", choices=codecs, default="gzip")
        one.add_argument("--level", type=int, default=4)
        one.add_argument("--chunk", type=lambda text: [int(n) for n in text.split("x")] * (3 if "x" not in text else 1),
                         default=[64] * 3)
    one = verb("resize", resize)
    one.add_argument("file")
    one.add_argument("--library", choices=["skimage", "scipy", "tensorstore", "tinybrain"], required=True)
    one.add_argument("--what", choices=["raw", "labels"], required=True)
    one.add_argument("--factor", type=positive, default=2.0)
    one = verb("whole-job", whole_job, store=True)
    one.add_argument("--dest", required=True)
    one.add_argument("--class-name", default="mito")
    one.add_argument("--level", type=int, default=4, help="of gzip; 4 is what h5py takes where it is not told")
    one.add_argument("--target", type=positive, default=8.0)
    verb("versions", versions)
    return parser.parse_args()


def main():
    options = parse()
    print(json.dumps(options.work(options)), flush=True)


if __name__ == "__main__":
    main()
