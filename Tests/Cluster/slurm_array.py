#!/usr/bin/env python3
"""An array of 16 tasks over 40 items on two Slurm nodes: undisturbed, and with tasks cancelled, requeued and a node killed."""

import json
import re
import subprocess
import sys

from scenario import ROOT, binary, differences, expect, main, wait_until
from slurm_cluster import SlurmCluster

TASKS, ITEMS, CONNECTIONS = 16, 40, 2


def submit(cluster, job, *options):
    """slurm/submit as a user calls it; returns the ids of the array and of the job after it."""
    done = subprocess.run(
        [str(ROOT / "slurm/submit"), "--cristae", binary(), "--tasks", str(TASKS), "--cpus", "1", "--time", "10", *options,
         str(job.manifest)], env=cluster.environment, capture_output=True, text=True, timeout=120)
    expect(done.returncode == 0, f"slurm/submit: exit {done.returncode}: {done.stdout} {done.stderr}")
    ids = re.findall(r"^(?:array|finish) +(\d+):", done.stdout, re.MULTILINE)
    expect(len(ids) == 2, f"slurm/submit prints no two ids: {done.stdout}")
    return ids


def task_logs(job, array):
    return {path: path.read_text(errors="replace") for path in sorted((job.folder / "logs").glob(f"{array}_*.log"))}


def items_worked(job, array):
    """How often each item was said to be done, in all logs of an array."""
    counts = {}
    for text in task_logs(job, array).values():
        for line in text.splitlines():
            if line.startswith("{") and (event := json.loads(line)).get("event") == "item_done":
                counts[event["item"]] = counts.get(event["item"], 0) + 1
    return counts


def evidence(job):
    """The end of each log, without the lines that every run has."""
    texts = []
    for path in sorted((job.folder / "logs").glob("*.log")):
        lines = [line for line in path.read_text(errors="replace").splitlines() if '"item_done"' not in line]
        texts.append("\n".join([f"--- {path.name}", *lines[-12:]]))
    return "\n".join(texts)


def expect_all_done(what, cluster, job, finish, clean):
    states = cluster.wait(finish, 240)
    expect(states == {None: "COMPLETED"}, lambda: f"{what}: the job after the array: {states}\n{evidence(job)}")
    wrong = differences(job.files(), clean)
    expect(not wrong, lambda: f"{what}: {wrong}\n{evidence(job)}")


def undisturbed(scenario, cluster, bucket, clean, clean_chunks):
    what = "undisturbed"
    server = scenario.server(bucket, "--latency-ms", "100")
    job = scenario.job("undisturbed", server, limits={"connections": CONNECTIONS})
    array, finish = submit(cluster, job)
    expect_all_done(what, cluster, job, finish, clean)
    states = cluster.states(array)
    expect(states == {task: "COMPLETED" for task in range(TASKS)}, f"{what}: {states}")
    worked = items_worked(job, array)
    expect(len(worked) == ITEMS, f"{what}: {len(worked)} of {ITEMS} items are said to be done: {sorted(worked)}")
    twice = {item: count for item, count in worked.items() if count != 1}
    expect(not twice, f"{what}: worked more than once: {twice}")
    busy = sum("item_done" in text for text in task_logs(job, array).values())
    expect(busy > TASKS // 2, f"{what}: only {busy} of {TASKS} tasks had work: the items are not shared out")
    twice = [key for key, count in server.chunks().items() if count != 1]
    expect(not twice, f"{what}: fetched more than once: {twice}")
    expect(server.chunks().keys() == clean_chunks.keys(), f"{what}: other chunks were fetched than by one process")


def disturbed(scenario, cluster, bucket, clean):
    what = "disturbed"
    lost = cluster.nodes[1]
    # Held until the tasks have begun, so that there is something to disturb.
    hold = scenario.folder / "hold"
    hold.touch()
    server = scenario.server(bucket, "--latency-ms", "150", "--hold", str(hold))
    job = scenario.job("disturbed", server, limits={"connections": CONNECTIONS})
    array, finish = submit(cluster, job)

    def at_work():
        text = " ".join(task_logs(job, array).values())
        return text.count("array.sbatch: task") >= TASKS and len(list((job.state / "packs").glob("*"))) >= TASKS
    wait_until("all tasks to be at work", at_work, 120)
    hold.unlink()
    wait_until("some chunks", lambda: len(server.chunks()) >= 60, 120)
    running = [task for task, state in sorted(cluster.states(array).items()) if state == "RUNNING"]
    where = dict(re.findall(rf"^{array}_(\d+) (\S+)$", cluster.call("squeue", "-h", "-j", array, "-o", "%i %N"), re.MULTILINE))
    keeping = [task for task in running if where.get(str(task)) != lost]
    expect(len(running) >= 12 and len(keeping) >= 5, f"{what}: not enough tasks are running: {running}, on {where}")
    # Two of each are on the node that is lost later, the others on the one that stays.
    losing = [task for task in running if task not in keeping]
    cancelled = keeping[:3] + losing[:2]
    requeued = keeping[3:5] + losing[2:3]
    cluster.call("scancel", *(f"{array}_{task}" for task in cancelled))
    cluster.call("scontrol", "requeue", ",".join(f"{array}_{task}" for task in requeued))
    wait_until("some more chunks", lambda: len(server.chunks()) >= 180, 120)
    victims = len([line for line in cluster.call("squeue", "-h", "-t", "RUNNING", "-w", lost, "-o", "%i").splitlines() if line])
    expect(victims > 0, f"{what}: no task was running on {lost} when it was killed")
    cluster.kill_node(lost)

    # Slurm notices by itself, and puts the tasks of the lost node back into the queue; later the node is repaired.
    def is_down():
        return "DOWN" in cluster.call("scontrol", "show", "node", lost)
    wait_until("Slurm to notice the lost node", is_down, 90, every=0.5)
    cluster.start_node(lost)
    expect_all_done(what, cluster, job, finish, clean)
    states = cluster.states(array)
    for task, state in sorted(states.items()):
        wanted = "CANCELLED" if task in cancelled else "COMPLETED"
        expect(state.startswith(wanted), f"{what}: task {task} is {state} instead of {wanted}: {states}\n{evidence(job)}")
    restarted = sum("start 2" in text for text in task_logs(job, array).values())
    expect(restarted >= len(requeued) + 1, f"{what}: only {restarted} tasks were started again")
    counts = server.chunks()
    again = sum(counts.values()) - len(counts)
    # In flight when a task is killed: on each connection the one being sent, and the one before it, which may not be in its pack yet.
    expect(again <= victims * CONNECTIONS * 2,
           f"{what}: {again} chunks were fetched again, {victims} tasks with {CONNECTIONS} connections each were killed: "
           f"{[key for key, count in counts.items() if count > 1]}")
    # What has been published by one task is not worked on by another.
    twice = {item: count for item, count in items_worked(job, array).items() if count > 1}
    expect(not twice, f"{what}: worked more than once: {twice}")
    verified = job.run("verify")
    expect(verified.returncode == 0, f"{what}: verify: {verified.stdout[-500:]} {verified.stderr[-500:]}")


def body(scenario):
    bucket = scenario.bucket(crops=ITEMS)
    clean, clean_chunks = scenario.clean_files(bucket)
    cluster = SlurmCluster(scenario, "array")
    undisturbed(scenario, cluster, bucket, clean, clean_chunks)
    disturbed(scenario, cluster, bucket, clean)


if __name__ == "__main__":
    sys.exit(main("slurm_array", body))
