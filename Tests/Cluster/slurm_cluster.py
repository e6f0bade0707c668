"""A Slurm of our own: controller and nodes on this one machine, everything in one folder, on loopback only, no systemd."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

from scenario import Failed, require, wait_until


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class SlurmCluster:
    """munged, slurmctld and some slurmd. `settings` are further lines of slurm.conf."""

    def __init__(self, scenario, name, nodes=2, cpus=8, settings=()):
        require("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "setpriv")
        self.folder = scenario.folder / name
        self.name = f"{name}{os.getpid()}"
        self.nodes = [f"{name}{i}" for i in range(1, nodes + 1)]
        for folder in ("munge", "control", "log", *(f"spool/{node}" for node in self.nodes)):
            (self.folder / folder).mkdir(parents=True)
        self.configuration = self.folder / "slurm.conf"
        self.environment = {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            "PATH": "/usr/sbin:/sbin:" + os.environ.get("PATH", "/usr/bin:/bin"), "SLURM_CONF": str(self.configuration),
            "LANG": "C.UTF-8"}
        if "LD_LIBRARY_PATH" in os.environ:
            self.environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        scenario.stack.callback(self.stop)
        self.start_munge()
        self.write_configuration(cpus, settings)
        self.call("slurmctld", "-f", str(self.configuration), "-i", "-c")
        for node in self.nodes:
            self.start_node(node)
        wait_until("idle Slurm nodes", lambda: self.call("sinfo", "-h", "-t", "idle", "-o", "%D", fails=True) == str(nodes), 60)

    def call(self, *command, fails=False):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, cwd=self.folder, timeout=60,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0 and not fails:
            raise Failed(f"{' '.join(command)}: exit {done.returncode}: {done.stdout[-800:]} {done.stderr[-800:]}\n{self.evidence()}")
        return done.stdout.strip()

    def start_munge(self):
        folder = self.folder / "munge"
        (folder / "key").write_bytes(os.urandom(128))
        (folder / "key").chmod(0o400)
        subprocess.run(["chown", "-R", "munge:munge", str(folder)], check=True)
        folder.chmod(0o711)
        # munged refuses folders that others may write to, /tmp among them, unless it is forced.
        self.call("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--force", "--num-threads=2",
                  *(f"--{option}={folder}/{file}" for option, file in (
                      ("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))))

    def write_configuration(self, cpus, settings):
        host = socket.gethostname().split(".")[0]
        controller, *ports = free_ports(1 + len(self.nodes))
        lines = f"""
            ClusterName={self.name}
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={controller}
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            CredType=cred/munge
            AuthInfo=socket={self.folder}/munge/socket,cred_expire=5
            CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
            MpiDefault=none
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            JobCompType=jobcomp/filetxt
            JobCompLoc={self.folder}/log/jobcomp
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core_Memory
            SlurmdParameters=config_overrides
            SchedulerType=sched/backfill
            SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
            PriorityType=priority/basic
            ReturnToService=2
            MinJobAge=900
            KillWait=15
            SlurmctldTimeout=30
            SlurmdTimeout=10
            StateSaveLocation={self.folder}/control
            SlurmdSpoolDir={self.folder}/spool/%n
            SlurmctldPidFile={self.folder}/slurmctld.pid
            SlurmdPidFile={self.folder}/%n.pid
            SlurmctldLogFile={self.folder}/log/slurmctld
            SlurmdLogFile={self.folder}/log/%n
            """.split()
        lines += settings
        for node, port in zip(self.nodes, ports):
            lines.append(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=65536")
        lines.append(f"PartitionName=main Nodes={','.join(self.nodes)} Default=YES MaxTime=INFINITE State=UP")
        self.configuration.write_text("\n".join(lines) + "\n")

    def start_node(self, node):
        self.call("slurmd", "-f", str(self.configuration), "-N", node, "-c")

    def processes_of(self, node):
        """Every process of the jobs on a node; the slurmstepd above each comes first. Only they have the node's name in their environment."""
        found, above = [], []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    environment = file.read().split(b"\0")
                if f"SLURMD_NODENAME={node}".encode() not in environment:
                    continue
                found.append(int(entry))
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                with open(f"/proc/{parent}/comm") as file:
                    if file.read().startswith("slurmstepd"):
                        above.append(parent)
            except (OSError, ValueError):
                continue
        return above + found

    def kill_node(self, node):
        """What a power cut does: everything on the node is gone, and nobody is left to tell the controller."""
        os.kill(int((self.folder / f"{node}.pid").read_text()), signal.SIGKILL)
        while found := self.processes_of(node):
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)

    def states(self, job):
        """{task: state} of an array, or {None: state} of a plain job, whether they have ended or not."""
        found = {}
        for line in self.call("scontrol", "--oneliner", "show", "job", str(job), fails=True).splitlines():
            state = re.search(r"\bJobState=(\S+)", line)
            task = re.search(r"\bArrayTaskId=(\S+)", line)
            if state is None:
                continue
            if task is not None and not task[1].isdigit():
                # Tasks that have not been started are one entry: 3-15%4 or 1,3,7.
                for part in task[1].split("%")[0].split(","):
                    first, _, last = part.partition("-")
                    found.update({number: state[1] for number in range(int(first), int(last or first) + 1)})
            else:
                found[int(task[1]) if task else None] = state[1]
        return found

    def wait(self, job, seconds):
        """Waits until no task is in the queue any more; returns the states."""
        wait_until(f"the end of job {job}", lambda: not self.call("squeue", "-h", "-j", str(job), fails=True), seconds, every=0.5)
        return self.states(job)

    def evidence(self):
        """The end of the daemons' logs."""
        texts = []
        for path in sorted((self.folder / "log").glob("*")):
            texts.append(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-12:]))
        return "\n".join(texts)

    def stop(self):
        if self.configuration.exists():
            subprocess.run(["scancel", "--state=PENDING"], env=self.environment, stderr=subprocess.DEVNULL)
        for node in self.nodes:
            for process in self.processes_of(node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        for file in [*(f"{node}.pid" for node in self.nodes), "slurmctld.pid", "munge/pid"]:
            try:
                process = int((self.folder / file).read_text())
                os.kill(process, signal.SIGKILL)
            except (OSError, ValueError):
                continue
            wait_until(f"the end of {file}", lambda: not os.path.exists(f"/proc/{process}"), 10)
