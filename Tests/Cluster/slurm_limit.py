#!/usr/bin/env python3
"""A time limit of one minute and a server too slow for that: stopped, back into the queue, finished without a hand.

On two sites at once: one that puts jobs with exit 75 back by its own configuration, and one that does not.
"""

import re
import subprocess
import sys

from scenario import ROOT, binary, differences, expect, main
from slurm_cluster import SlurmCluster

TASKS, CONNECTIONS = 2, 2


class Site:
    def __init__(self, scenario, name, bucket, settings):
        self.name = name
        self.cluster = SlurmCluster(scenario, name, nodes=1, settings=settings)
        # 800 objects at a third of a second each, over four connections: more than a minute.
        self.server = scenario.server(bucket, "--latency-ms", "350")
        self.job = scenario.job(f"{name}-job", self.server, limits={"connections": CONNECTIONS})
        done = subprocess.run(
            [str(ROOT / "slurm/submit"), "--cristae", binary(), "--tasks", str(TASKS), "--cpus", "1", "--time", "1",
             "--sbatch=--signal=B:USR1@20", str(self.job.manifest)],
            env=self.cluster.environment, capture_output=True, text=True, timeout=180)
        expect(done.returncode == 0, f"{name}: slurm/submit: exit {done.returncode}: {done.stdout} {done.stderr}")
        self.array, self.finish = re.findall(r"^(?:array|finish) +(\d+):", done.stdout, re.MULTILINE)

    def check(self, clean, way):
        states = self.cluster.wait(self.finish, 600)
        logs = {path.name: path.read_text(errors="replace") for path in sorted((self.job.folder / "logs").glob("*.log"))}
        text = "\n".join(f"--- {name}\n{log[-2500:]}" for name, log in logs.items())
        expect(states == {None: "COMPLETED"}, f"{self.name}: the job after the array: {states}\n{text}")
        tasks = self.cluster.states(self.array)
        expect(tasks == {task: "COMPLETED" for task in range(TASKS)}, f"{self.name}: {tasks}\n{text}")
        wrong = differences(self.job.files(), clean)
        expect(not wrong, f"{self.name}: {wrong}\n{text}")
        for task in range(TASKS):
            log = logs[f"{self.array}_{task}.log"]
            stops = log.count("array.sbatch: exit 75")
            expect(stops >= 1 and "start 2" in log, f"{self.name}: task {task} never had to stop\n{text}")
            expect(log.count(way) == stops, f"{self.name}: task {task} was not put back by {way}\n{text}")
            expect(log.count("array.sbatch: exit 0") == 1, f"{self.name}: task {task} did not end once\n{text}")
        twice = [key for key, count in self.server.chunks().items() if count > 1]
        expect(not twice, f"{self.name}: fetched again after a stop in good order: {twice}\n{text}")


def body(scenario):
    bucket = scenario.bucket()
    clean, _ = scenario.clean_files(bucket)
    with_setting = Site(scenario, "requeues", bucket, ["RequeueExit=75"])
    without = Site(scenario, "plain", bucket, [])
    with_setting.check(clean, "back into the queue by RequeueExit")
    without.check(clean, "back into the queue by scontrol requeue")


if __name__ == "__main__":
    sys.exit(main("slurm_limit", body))
