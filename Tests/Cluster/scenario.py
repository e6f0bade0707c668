"""What the scenarios of this folder have in common: a folder, a bucket behind the test server, jobs, and clear complaints."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SERVER = HERE.parent / "EndToEndTests" / "servers" / "s3_server.py"


class Failed(Exception):
    """Something did not come out as it must; its text is the whole complaint."""


def expect(condition, complaint):
    """`complaint` is a text, or a function that works it out."""
    if not condition:
        raise Failed(complaint() if callable(complaint) else complaint)


def require(*programs):
    """Ends the scenario with a reason where a program is missing."""
    missing = [name for name in programs if shutil.which(name) is None]
    expect(not missing, f"not installed: {', '.join(missing)}; Tests/run.sh installs what the tests need")


def wait_until(what, condition, seconds, every=0.1):
    """Waits for something that must come; `seconds` is only there so that nothing hangs."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        expect(time.monotonic() < end, f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def binary():
    path = os.environ.get("CRISTAE_BINARY") or str(ROOT / ".build" / "debug" / "cristae")
    expect(os.access(path, os.X_OK), f"no built cristae at {path}; swift build, or set CRISTAE_BINARY")
    return path


def files(folder):
    """SHA-256 of every file below a folder, by its path in it, without what belongs to owners and jobs."""
    folder = pathlib.Path(folder)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file() and ".work" not in path.relative_to(folder).parts
    }


def differences(mine, other):
    lines = [f"{name} is missing" for name in sorted(other.keys() - mine.keys())]
    lines += [f"{name} is too much" for name in sorted(mine.keys() - other.keys())]
    return lines + [f"{name} differs" for name in sorted(mine.keys() & other.keys()) if mine[name] != other[name]]


def ends(log):
    """The reasons that the `end` events of a JSON log give."""
    return [json.loads(line)["reason"] for line in log.splitlines() if '"event":"end"' in line]


class Server:
    """The S3 test server over a folder of buckets, with its request log."""

    def __init__(self, root, log, *options):
        self.log = pathlib.Path(log)
        self.log.touch()
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(SERVER), "--root", str(root), "--log", str(log), *options],
            stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        expect(port.isdigit(), f"the S3 test server did not start: {port!r}")
        self.endpoint = f"http://127.0.0.1:{port}"

    def requests(self):
        """(time, key, whether it was sent as a whole) of every object that was asked for and is there."""
        found = []
        for line in self.log.read_text().splitlines():
            time_, method, key, status, _, outcome = line.split("\t")
            if method == "GET" and not key.startswith("list:") and status == "200":
                found.append((float(time_), key, outcome == "complete"))
        return found

    def chunks(self):
        """How often each chunk was sent as a whole."""
        counts = {}
        for _, key, whole in self.requests():
            if whole and re.search(r"/s\d+/[0-9/.]+$", key):
                counts[key] = counts.get(key, 0) + 1
        return counts

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Job:
    """A manifest with its output and state, and the program that works on it."""

    def __init__(self, folder, server, limits=None, **members):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.manifest = self.folder / "config.json"
        self.out = self.folder / "out"
        self.state = self.folder / "state"
        limits = {"connections": 4, "memory": "256MiB", "claim_seconds": 5, **(limits or {})}
        self.manifest.write_text(json.dumps({
            "job": "cluster", "source": "s3://cluster-test", "endpoint": server.endpoint, "datasets": ["*"],
            "limits": limits, **members}, indent=2))

    def command(self, verb="run", *arguments):
        return [binary(), verb, str(self.manifest), *arguments]

    def run(self, verb="run", *arguments, atmost=180, **options):
        return subprocess.run(
            self.command(verb, *arguments), capture_output=True, text=True, timeout=atmost, stdin=subprocess.DEVNULL, **options)

    def files(self):
        return files(self.out)


class Scenario:
    """A folder for one scenario, and all that has to be ended and removed after it."""

    def __init__(self, name):
        self.name = name
        self.stack = contextlib.ExitStack()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"cristae-{name}-"))
        self.folder.chmod(0o755)

    def __enter__(self):
        if os.environ.get("CRISTAE_KEEP") is None:
            self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def bucket(self, crops=40):
        folder = self.folder / "bucket"
        subprocess.run([sys.executable, str(HERE / "bucket.py"), str(folder), "--crops", str(crops)],
                       check=True, stdout=subprocess.DEVNULL)
        return folder

    def server(self, root, *options):
        number = len(list(self.folder.glob("requests-*.log")))
        server = Server(root, self.folder / f"requests-{number}.log", *options)
        self.stack.callback(server.stop)
        return server

    def job(self, name, server, **members):
        return Job(self.folder / name, server, **members)

    def start(self, command, name, **options):
        """Starts a process in a group of its own, with all it says in <name>.log; the group is killed when the scenario ends."""
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options)

        def end():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.stack.callback(end)
        return process

    def said(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def clean_files(self, bucket, **members):
        """What one undisturbed process writes."""
        server = self.server(bucket)
        job = self.job("clean", server, **members)
        outcome = job.run()
        expect(outcome.returncode == 0, f"the undisturbed run: exit {outcome.returncode}: {outcome.stderr[-1500:]}")
        return job.files(), server.chunks()

    def mount(self, target, *options):
        """Mounts a file system until the scenario ends."""
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *options, str(target)], check=True)
        self.stack.callback(subprocess.run, ["umount", "-l", str(target)], stderr=subprocess.DEVNULL)
        return target


def main(name, body):
    """Runs a scenario; complaints go to stdout, one paragraph, and the exit code is 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    begin = time.monotonic()
    with Scenario(name) as scenario:
        try:
            body(scenario)
        except Failed as failure:
            print(f"FAILED {name}: {failure}")
            print(f"after {time.monotonic() - begin:.0f} s in {scenario.folder} (kept with CRISTAE_KEEP=1)")
            return 1
    print(f"passed {name} in {time.monotonic() - begin:.0f} s")
    return 0
