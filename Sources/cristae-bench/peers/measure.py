"""What a piece of work costs: wall time, CPU time and memory of this process and those it started and waited for."""

import os
import resource
import time


def cpu_seconds():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak_kib():
    """The largest resident size of this program so far. `ru_maxrss` would also count the process which started it."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


class Measurement:
    """`with Measurement() as m: work()`, then `m.report(objects=3)` is the dictionary of a verb's answer.

    Workers that live on after the work are not in the CPU time of this process; their own goes into `worker_cpu_seconds`,
    and the sum of their sizes into `worker_peak_kib`.
    """

    def __enter__(self):
        self.worker_cpu_seconds, self.worker_peak_kib = 0.0, 0
        self.cpu, self.start = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *failure):
        self.seconds = time.perf_counter() - self.start
        self.cpu = cpu_seconds() - self.cpu

    def report(self, **facts):
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return {"seconds": round(self.seconds, 6), "cpu_seconds": round(self.cpu + self.worker_cpu_seconds, 6),
                "peak_kib": max(peak_kib() + self.worker_peak_kib, children), **facts}


def sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(path):
    """Flushes every file and folder below `path`; returns how many files and how many bytes in them."""
    files, size = 0, 0
    for folder, _, names in os.walk(path):
        for name in names:
            sync(os.path.join(folder, name))
            files, size = files + 1, size + os.path.getsize(os.path.join(folder, name))
        sync(folder)
    return files, size
