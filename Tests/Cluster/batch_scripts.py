#!/usr/bin/env python3
"""The scripts of slurm/ with stand-ins for Slurm's commands and for the program: signals, exit codes, the queue, array sizes."""

import json
import os
import signal
import subprocess
import sys
import time

from scenario import ROOT, expect, main, wait_until

# Notes its arguments and every signal; ends with CODE, by itself or after the first signal.
PROGRAM = """#!/usr/bin/env python3
import os, signal, sys, time
log = open(os.environ["NOTES"], "a", buffering=1)
def note(number, _):
    log.write(f"signal {signal.Signals(number).name}\\n")
for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
    signal.signal(number, note)
log.write(" ".join(["started", *sys.argv[1:]]) + "\\n")
end = time.monotonic() + float(os.environ.get("SECONDS_TO_WORK", "0"))
while time.monotonic() < end and "signal" not in open(os.environ["NOTES"]).read():
    time.sleep(0.05)
if end > time.monotonic():
    time.sleep(0.5)     # for a second signal, which must not come
sys.exit(int(os.environ.get("CODE", "0")))
"""
# `show config`, and notes of what it is asked to put back.
SCONTROL = """#!/bin/sh
case $1 in
    show) printf 'MaxArraySize            = 1001\\nRequeueExit             = %s\\nRequeueExitHold         = (null)\\n' "$REQUEUE_EXIT" ;;
    requeue)
        echo "requeue $2 $3" >> "$NOTES"
        [ -z "${REQUEUE_ENDS_JOB:-}" ] || kill -TERM 0
        exit "${REQUEUE_CODE:-0}" ;;
esac
"""


class Stage:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        for name, text in (("cristae", PROGRAM), ("scontrol", SCONTROL), ("sbatch", "#!/bin/sh\nexit 1\n")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.notes = folder / "notes"
        self.environment = {
            **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "NOTES": str(self.notes), "CRISTAE_LOGS": str(folder),
            "SLURM_JOB_ID": "99", "SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3", "REQUEUE_EXIT": "(null)"}

    def start(self, *arguments, **environment):
        self.notes.write_text("")
        return subprocess.Popen(
            [str(ROOT / "slurm/array.sbatch"), *(arguments or ["config.json", "--only", "crop_1"])],
            env={**self.environment, **environment}, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True)

    def run(self, *arguments, **environment):
        process = self.start(*arguments, **environment)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said, self.notes.read_text().splitlines()


def ends(what, outcome, code, requeued=False, signals=()):
    found, said, notes = outcome
    expect(found == code, f"{what}: exit {found} instead of {code}: {said}")
    expect(("requeue Incomplete 77_3" in notes) == requeued, f"{what}: asked Slurm: {notes}; it said {said}")
    expect([note for note in notes if note.startswith("signal")] == [f"signal {name}" for name in signals],
           f"{what}: the program got {notes}")


def stopped(stage, signals, **environment):
    """The script and, for TERM, the program too, get `signals` while the program works."""
    process = stage.start(SECONDS_TO_WORK="30", CODE="75", **environment)
    wait_until("the program", lambda: "started" in stage.notes.read_text(), 30)
    for number in signals:
        if number == signal.SIGTERM:
            # As Slurm does it: to every process of the job.
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
        time.sleep(0.05)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said, stage.notes.read_text().splitlines()


def check_tasks(stage):
    _, _, notes = stage.run("--cristae", "cristae", "config.json", "--only", "crop_1")
    expect(notes == ["started run config.json --only crop_1"], f"the program was started with {notes}")
    for code in (0, 1, 64, 74, 78):
        ends(f"exit {code}", stage.run(CODE=str(code)), code)
    ends("no manifest", stage.run("--restarts", "3"), 64)
    ends("an unknown option", stage.run("--scratsch", "auto", "config.json"), 64)

    ends("USR1, site without RequeueExit", stopped(stage, [signal.SIGUSR1]), 75, requeued=True, signals=["SIGUSR1"])
    ends("USR1 twice", stopped(stage, [signal.SIGUSR1, signal.SIGUSR1]), 75, requeued=True, signals=["SIGUSR1"])
    ends("TERM", stopped(stage, [signal.SIGTERM]), 75, signals=["SIGTERM"])
    ends("USR1, then TERM", stopped(stage, [signal.SIGUSR1, signal.SIGTERM]), 75, signals=["SIGUSR1", "SIGTERM"])
    ends("TERM, then USR1", stopped(stage, [signal.SIGTERM, signal.SIGUSR1]), 75, signals=["SIGTERM"])
    for listed, known in (("75", True), ("1-9,75", True), ("70-80", True), ("(null)", False), ("1,175", False), ("2-9", False)):
        outcome = stopped(stage, [signal.SIGUSR1], REQUEUE_EXIT=listed)
        ends(f"RequeueExit={listed}", outcome, 75, requeued=not known, signals=["SIGUSR1"])
    # Slurm ends every process of a job that is back in the queue, scontrol among them, at times before it has answered.
    outcome = stopped(stage, [signal.SIGUSR1], REQUEUE_ENDS_JOB="1")
    ends("ended while it is put back", outcome, 75, requeued=True, signals=["SIGUSR1"])
    expect("back into the queue by scontrol requeue" in outcome[1], f"ended while it is put back: {outcome[1]}")
    outcome = stopped(stage, [signal.SIGUSR1], REQUEUE_CODE="1")
    ends("a site that puts nothing back", outcome, 75, requeued=True, signals=["SIGUSR1"])
    expect("submit the manifest again" in outcome[1], f"a site that puts nothing back: {outcome[1]}")
    ends("started too often", stopped(stage, [signal.SIGUSR1], SLURM_RESTART_COUNT="100"), 69, signals=["SIGUSR1"])

    for start in range(4):
        ends(f"locked out, start {start}", stage.run(CODE="75", SLURM_RESTART_COUNT=str(start)), 75, requeued=True)
    ends("locked out five times", stage.run(CODE="75", SLURM_RESTART_COUNT="4"), 69)
    ends("locked out once more, later", stage.run(CODE="75", SLURM_RESTART_COUNT="5"), 75, requeued=True)
    # A stop with work done in between begins the count anew.
    for start in range(3):
        ends("locked out", stage.run(CODE="75"), 75, requeued=True)
    ends("stopped", stopped(stage, [signal.SIGUSR1]), 75, requeued=True, signals=["SIGUSR1"])
    ends("locked out after that", stage.run(CODE="75"), 75, requeued=True)


def check_scratch(stage):
    def given(scratch, **environment):
        notes = stage.run("--scratch", scratch, "config.json", **environment)[2]
        return notes[0].removeprefix("started run config.json").strip()

    disk, memory = stage.folder / "disk", "/dev/shm"
    disk.mkdir()
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(disk)], capture_output=True, text=True, check=True).stdout.strip()
    expected = f"--scratch {disk}" if kind in ("ext2/ext3", "xfs", "btrfs", "zfs", "f2fs", "jfs") else ""
    for what, found, wanted in (
            ("none", given("none", SLURM_TMPDIR=str(disk)), ""),
            ("auto", given("auto", SLURM_TMPDIR=str(disk)), expected),
            ("auto, TMPDIR", given("auto", SLURM_TMPDIR="", TMPDIR=str(disk)), expected),
            ("auto in memory", given("auto", SLURM_TMPDIR=memory, TMPDIR=memory), ""),
            ("auto without a folder", given("auto", SLURM_TMPDIR="/nowhere", TMPDIR=""), ""),
            ("a folder", given("/scratch/me"), "--scratch /scratch/me")):
        expect(found == wanted, f"scratch, {what}: {found!r} instead of {wanted!r}")


def check_submit(stage):
    manifest = stage.folder / "config.json"
    manifest.write_text("{}")

    def submit(plan, *options, code=0):
        plan_text = json.dumps(plan, indent=2, separators=(",", " : ")) if isinstance(plan, dict) else ""
        (stage.folder / "cristae").write_text(f"#!/bin/sh\ncat <<'TEXT'\n{plan_text}\nTEXT\nexit {0 if isinstance(plan, dict) else plan}\n")
        done = subprocess.run([str(ROOT / "slurm/submit"), "--dry-run", *options, str(manifest)], env=stage.environment,
                              capture_output=True, text=True, timeout=60)
        expect(done.returncode == code, f"submit {options} on {plan}: exit {done.returncode} instead of {code}: {done.stdout}{done.stderr}")
        return done.stdout.splitlines()

    gigabyte = 1 << 30

    def plan(items, done, bytes_):
        return {"items": items, "items_done": done, "decoded_bytes_at_most": bytes_, "memory_bytes": gigabyte,
                "to_do": [{"item": "crop_1", "items": 7}]}

    for what, found, array in (
            ("a small job", submit(plan(7, 0, 1000)), "--array=0-0 "),
            ("by items", submit(plan(305, 5, 1000)), "--array=0-5 "),
            ("by bytes", submit(plan(300, 0, 160 * gigabyte)), "--array=0-9 "),
            ("no more than items", submit(plan(3, 0, 900 * gigabyte)), "--array=0-2 "),
            ("at most 64", submit(plan(90000, 0, 0)), "--array=0-63 "),
            ("what the site allows", submit(plan(90000, 0, 0), "--max-tasks", "5000"), "--array=0-1000 "),
            ("asked for", submit(plan(300, 0, 0), "--tasks=16", "--at-once", "4"), "--array=0-15%4 ")):
        expect(array in found[0], f"submit, {what}: no {array}in {found[0]}")
        expect("--mem=1536M" in found[0] and "--dependency=afterany" in found[1], f"submit, {what}: {found}")
    passed = submit(plan(9, 0, 0), "-p", "gpu", "--account=lab", "-t", "10:00", "--sbatch=--exclude=n17", "-q", "low", "-C", "ssd")
    for option in ("--partition=gpu", "--account=lab", "--time=10:00", "--qos=low", "--constraint=ssd"):
        expect(option in passed[0] and option in passed[1], f"submit: {option} is not passed on: {passed}")
    expect("--exclude=n17" in passed[0], f"submit: --sbatch is not passed on: {passed}")
    expect("nothing to submit" in submit(plan(9, 9, 0))[0], "submit: a finished job is submitted")
    submit(78, code=78)
    submit(74, code=74)
    submit(plan(9, 0, 0), "--tasks", "0", code=64)
    submit(plan(9, 0, 0), "--taks", "3", code=64)
    submit({"items": 3}, code=70)


def check_finish(stage):
    """The job after an array ends with 0 only where all is done and right."""
    def finish(done, verified, *options, status_code=0):
        status = {"items": 12, "job": "items", "stages": {
            "convert": {"done": 12, "waiting": 0}, "resize": {"done": done, "failed": 0}, "stat": {"done": 1}}, "workers": []}
        text = json.dumps(status, indent=2, separators=(",", " : "))
        (stage.folder / "cristae").write_text(
            "#!/bin/sh\ncase $1,$3 in\n"
            f"    status,--json) cat <<'TEXT'\n{text}\nTEXT\n;;\n"
            f"    status,) echo a table; exit {status_code} ;;\n"
            f"    verify,) echo ok a.h5; [ {verified} = 0 ] || echo BAD b.h5: gone; exit {verified} ;;\n"
            "    *) exit 64 ;;\nesac\n")
        done = subprocess.run([str(ROOT / "slurm/finish.sbatch"), "--cristae", str(stage.folder / "cristae"), *options, "config.json"],
                              env=stage.environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    for what, (code, said), wanted, text in (
            ("all done", finish(12, 0), 0, "1 files are what their records say"),
            ("some left", finish(9, 0), 1, "3 of 12 items are not done"),
            ("a bad file", finish(12, 1), 1, "BAD b.h5"),
            ("a bad file, not looked at", finish(12, 1, "--no-verify"), 0, "a table"),
            ("a directory that cannot be read", finish(12, 0, status_code=74), 74, "a table"),
            ("a status it does not understand", finish("null", 0), 70, "neither")):
        expect(code == wanted and text in said, f"finish, {what}: exit {code} instead of {wanted}: {said}")


def body(scenario):
    check_finish(Stage(scenario.folder / "finish"))
    check_tasks(Stage(scenario.folder / "tasks"))
    check_scratch(Stage(scenario.folder / "scratch"))
    check_submit(Stage(scenario.folder / "submit"))


if __name__ == "__main__":
    sys.exit(main("batch_scripts", body))
