#!/usr/bin/env python3
"""Two runs of cron's overlap: the second ends with 75 at once and names the first; the first does not notice. The line is the README's."""

import os
import re
import subprocess
import sys
import time

from scenario import ROOT, binary, differences, ends, expect, main, wait_until


def cron_command(job):
    """The command of the README's crontab line, with this job in the place of the one it speaks of."""
    lines = re.findall(r"^[-\d*/,]+(?: [-\d*/,]+){4} (.*cristae.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    expect(len(lines) == 1, f"the README has {len(lines)} lines for a crontab instead of one")
    expect("cd /data/mito" in lines[0], f"the README's crontab line changes to another folder than /data/mito: {lines[0]}")
    return lines[0].replace("/data/mito", str(job.folder)).replace("\\%", "%")


def cron(scenario, job, name):
    """As cron does it: sh, next to no environment."""
    environment = {"HOME": "/root", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": f"{os.path.dirname(binary())}:/usr/bin:/bin"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return scenario.start(["/bin/sh", "-c", cron_command(job)], name, env=environment)


def body(scenario):
    bucket = scenario.bucket(crops=10)
    clean, _ = scenario.clean_files(bucket)
    hold = scenario.folder / "hold"
    hold.touch()
    server = scenario.server(bucket, "--hold", str(hold))
    job = scenario.job("job", server)
    first = cron(scenario, job, "first")
    wait_until("the first run to be at work", lambda: (job.state / "packs").exists(), 60)
    # The first one is the child of cron's shell, or that shell itself.
    family = {str(first.pid), *subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(first.pid)], capture_output=True, text=True, check=True).stdout.split()}

    # The program itself: the exit code, the time it takes, and what it says.
    begin = time.monotonic()
    second = job.run(atmost=60)
    seconds = time.monotonic() - begin
    expect(first.poll() is None, lambda: f"the first run was over before the second began: {scenario.said('first')[-500:]}")
    expect(second.returncode == 75, f"the second run: exit {second.returncode}: {second.stderr[-1000:]}")
    lines = ends(second.stderr)
    expect(len(lines) == 1, f"the second run says {len(lines)} lines instead of one: {second.stderr[-1000:]}")
    named = re.findall(r"process (\d+) on (\S+)", lines[0])
    expect(len(named) == 1 and named[0][0] in family, f"it does not name the first run (processes {family}): {lines[0]}")
    expect(named[0][1].rstrip(":;,") == os.uname().nodename, f"it does not name the host {os.uname().nodename}: {lines[0]}")
    # A second on an idle machine; here others are at work, too.
    expect(seconds < 10, f"the second run took {seconds:.1f} s to see that it is locked out")

    # The line of the crontab: nothing for cron to send mail about.
    third = cron(scenario, job, "third")
    code = third.wait(timeout=60)
    expect((code, scenario.said("third")) == (0, ""), lambda: f"the crontab line: exit {code}, and a mail: {scenario.said('third')!r}")
    expect(first.poll() is None, "the first run was over before the third ended")

    hold.unlink()
    code = first.wait(timeout=180)
    expect(code == 0, lambda: f"the first run: exit {code}: {(job.folder / 'cristae.log').read_text()[-1500:]}")
    wrong = differences(job.files(), clean)
    expect(not wrong, f"the output of the first run: {wrong}")
    twice = [key for key, count in server.chunks().items() if count > 1]
    expect(not twice, f"fetched twice: {twice}")


if __name__ == "__main__":
    sys.exit(main("cron", body))
