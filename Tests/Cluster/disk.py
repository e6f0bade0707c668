#!/usr/bin/env python3
"""Disks that are full, read-only, or fail: exit 74, one clear line, nothing half-published; once that is mended, run again, done."""

import json
import subprocess
import sys

from scenario import differences, ends, expect, main, require

MEGABYTE = 1 << 20


def small_disk(scenario, name, megabytes):
    """An ext4 file system of its own in a file."""
    image = scenario.folder / f"{name}.img"
    with open(image, "wb") as file:
        file.truncate(megabytes * MEGABYTE)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", str(image)], check=True)
    return scenario.mount(scenario.folder / name, "-o", "loop", str(image))


def fill(disk, free):
    """Fills a file system up to `free` bytes; returns the file that does it."""
    filler = disk / "filler"
    left = subprocess.run(["df", "--output=avail", "-B1", str(disk)], capture_output=True, text=True, check=True).stdout
    subprocess.run(["fallocate", "-l", str(int(left.split()[-1]) - free), str(filler)], check=True)
    return filler


def expect_refusal(what, outcome, reason, place):
    """Exit 74, and one line that says why and where."""
    place = str(place)
    lines = [line for line in ends(outcome.stderr) if reason in line]
    expect(outcome.returncode == 74, f"{what}: exit {outcome.returncode} instead of 74: {outcome.stderr[-1500:]}")
    expect(len(lines) == 1, f"{what}: {len(lines)} lines with {reason!r} instead of one: {outcome.stderr[-1500:]}")
    expect(place in lines[0], f"{what}: the line does not say where: {lines[0]}")
    for sign in ("Fatal error", "Crash", "backtrace"):
        expect(sign not in outcome.stderr, f"{what}: {sign}: {outcome.stderr[-1500:]}")


def expect_only_whole(what, job, clean):
    """Whatever has been published is what an undisturbed run publishes, byte for byte."""
    found = {name: digest for name, digest in job.files().items() if name.endswith(".h5")}
    wrong = [name for name, digest in found.items() if clean.get(name) != digest]
    expect(not wrong, f"{what}: half-published: {wrong}")


def expect_completion(what, job, clean):
    outcome = job.run()
    expect(outcome.returncode == 0, f"{what}, mended: exit {outcome.returncode}: {outcome.stderr[-1500:]}")
    # It names the whole manifest, and that of some of these jobs keeps packs.
    manifest = json.loads(job.manifest.read_text())
    skipped = {"txt/provenance.json"} if "convert" in manifest else set()
    keep = lambda files: {name: digest for name, digest in files.items() if name not in skipped}
    wrong = differences(keep(job.files()), keep(clean))
    expect(not wrong, f"{what}, mended: {wrong}")


def full(scenario, bucket, clean, which):
    """The disk with the output or the state fills up in the middle."""
    what = f"disk full under {which}"
    server = scenario.server(bucket)
    disk = small_disk(scenario, f"full-{which}", 64)
    place = disk / which
    # Packs are kept, so that the state needs more and more room, too.
    job = scenario.job(f"full-{which}-job", server, **{which: str(place), "convert": {"keep_packs": True}})
    if which == "output":
        job.out = place
    filler = fill(disk, 2 * MEGABYTE)
    outcome = job.run()
    expect_refusal(what, outcome, "No space left on device", place)
    expect_only_whole(what, job, clean)
    expect(0 < len(server.chunks()) < 640, f"{what}: {len(server.chunks())} chunks: it was not full in the middle")
    again = job.run()
    expect_refusal(f"{what}, run again", again, "No space left on device", place)
    expect_only_whole(f"{what}, run again", job, clean)
    filler.unlink()
    expect_completion(what, job, clean)


def read_only(scenario, bucket, clean, which):
    """The state or output directory is on a read-only mount: found out before any work."""
    what = f"{which} directory read-only"
    server = scenario.server(bucket)
    job = scenario.job(f"read-only-{which}", server)
    place = {"state": job.state, "output": job.out}[which]
    scenario.mount(place, "-t", "tmpfs", "tmpfs")
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    outcome = job.run()
    expect_refusal(what, outcome, "Read-only file system", place)
    expect(server.log.read_text() == "", f"{what}: the store was asked: {server.log.read_text()[:500]}")
    expect(job.files() == {}, f"{what}: something was written: {list(job.files())}")
    subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
    expect_completion(what, job, clean)


def failing(scenario, bucket, clean, call, error, text, first):
    """From the nth on, a system call that writes fails."""
    what = f"{call} fails with {error} from the {first}th on"
    server = scenario.server(bucket)
    job = scenario.job(f"failing-{call}", server)
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={first}+"]
    outcome = subprocess.run(trace + job.command("run"), capture_output=True, text=True, timeout=180)
    expect_refusal(what, outcome, text, job.folder)
    expect_only_whole(what, job, clean)
    expect_completion(what, job, clean)


def body(scenario):
    require("strace", "mkfs.ext4", "fallocate", "mount")
    bucket = scenario.bucket()
    clean, _ = scenario.clean_files(bucket)
    full(scenario, bucket, clean, "output")
    full(scenario, bucket, clean, "state")
    read_only(scenario, bucket, clean, "state")
    read_only(scenario, bucket, clean, "output")
    failing(scenario, bucket, clean, "fsync", "EIO", "Input/output error", 40)
    failing(scenario, bucket, clean, "pwrite64", "EDQUOT", "Disk quota exceeded", 100)


if __name__ == "__main__":
    sys.exit(main("disk", body))
