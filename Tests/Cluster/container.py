#!/usr/bin/env python3
"""The image of the Containerfile: built from base images made here, run as nobody on a read-only root, stopped, killed, run as pods."""

import json
import os
import pathlib
import subprocess
import sys

from scenario import HERE, ROOT, binary, differences, expect, files, main, require, wait_until

# Base images and layers are kept here, so that only the first build of a machine is a long one.
STORE = pathlib.Path(os.environ.get("CRISTAE_CONTAINER_STORE") or ROOT / ".build" / "containers")
IMAGE = "localhost/cristae-test/cristae"
# Debug, because the optimiser would need minutes that the tests do not have; the Containerfile is the same.
CONFIGURATION = os.environ.get("CRISTAE_CONTAINER_CONFIGURATION", "debug")
LOCKED_DOWN = ["--network=none", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]


class Podman:
    def __init__(self, scenario):
        self.storage = ["--root", f"{STORE}/images", "--runroot", f"{STORE}/run"]
        self.environment = {**os.environ, "CONTAINERS_CONF": str(HERE / "containers.conf")}
        self.containers = []
        scenario.stack.callback(self.remove)

    def call(self, *arguments, program=("podman",), code=0, seconds=120):
        done = subprocess.run([*program, *self.storage, *arguments], env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=seconds)
        expect(code is None or done.returncode == code,
               f"{' '.join([*program, *arguments])}: exit {done.returncode} instead of {code}: {done.stdout[-1500:]} {done.stderr[-1500:]}")
        return done

    def build(self):
        """Builds the image. What compiles for minutes steps back behind the other tests; what was compiled stays for the next time."""
        (STORE / "build").mkdir(parents=True, exist_ok=True)
        base = subprocess.run([str(HERE / "base_images.sh"), str(STORE)], env=self.environment, capture_output=True, text=True,
                              timeout=900)
        expect(base.returncode == 0, f"base_images.sh: exit {base.returncode}: {base.stderr[-1500:]}")
        self.call("build", "--quiet", "--layers", "--isolation", "chroot", "--network", "host", "--pull-never",
                  *base.stdout.split("\n")[:-1], "--volume", f"{STORE}/build:/src/.build", "--build-arg", f"CONFIGURATION={CONFIGURATION}", "-t", IMAGE,
                  "-f", str(ROOT / "Containerfile"), str(ROOT), program=("nice", "buildah"), seconds=1500)

    def start(self, data, *options):
        """`run config.json` on a folder, in the background; returns the container's id."""
        done = self.call("run", "--detach", *LOCKED_DOWN, *options, "--volume", f"{data}:/data", IMAGE, "run", "config.json")
        self.containers.append(done.stdout.strip())
        return self.containers[-1]

    def wait(self, container):
        return int(self.call("wait", container, seconds=300).stdout)

    def said(self, container):
        done = self.call("logs", container, code=None)
        return (done.stdout + done.stderr)[-2000:]

    def remove(self):
        for container in self.containers:
            self.call("rm", "--force", "--time", "0", container, code=None)


def new_data(scenario, name, owner):
    """A folder to be mounted at /data, with the README's sample job in it."""
    data = scenario.folder / name
    data.mkdir()
    manifest = json.loads((ROOT / "config.json").read_text())
    manifest.update(source="sample:", limits={**manifest["limits"], "claim_seconds": 5})
    (data / "config.json").write_text(json.dumps(manifest))
    os.chown(data, owner, owner)
    return data


def expect_done(what, podman, container, data, clean):
    code = podman.wait(container)
    expect(code == 0, lambda: f"{what}: exit {code}: {podman.said(container)}")
    wrong = differences(files(data / "out"), clean)
    expect(not wrong, f"{what}: {wrong}")


def at_work(data):
    """Some items have got somewhere."""
    return any((data / "state" / "records").glob("*/*.json"))


def check_image(podman, scenario):
    found = json.loads(podman.call("image", "inspect", IMAGE).stdout)[0]
    config = found["Config"]
    expect(config["User"] == "65532:65532", f"the image's user is {config['User']!r}")
    expect(config["Entrypoint"] == ["/usr/local/bin/cristae"], f"the image's entry point is {config['Entrypoint']}")
    expect(list(config["Volumes"]) == ["/data"], f"the image's volumes are {config['Volumes']}")
    expect(config["Labels"].get("org.opencontainers.image.title") == "cristae", f"the image's labels are {config['Labels']}")
    tools = podman.call("run", "--rm", *LOCKED_DOWN, "--entrypoint", "/bin/sh", IMAGE, "-c",
                        "for tool in swift swiftc gcc cc clang ld git; do command -v $tool; done; exit 0").stdout
    expect(tools == "", f"the image has a toolchain: {tools}")
    print(f"image: {found['Size'] / 1e6:.0f} MB ({CONFIGURATION})")


def body(scenario):
    require("podman", "buildah", "runc", "debootstrap", "swift")
    podman = Podman(scenario)
    podman.build()
    check_image(podman, scenario)
    bare = new_data(scenario, "bare", 0)
    done = subprocess.run([binary(), "run", str(bare / "config.json")], capture_output=True, text=True, timeout=180)
    expect(done.returncode == 0, f"the program outside of a container: exit {done.returncode}: {done.stderr[-1500:]}")
    clean = files(bare / "out")

    # As the image's own user, and killed in the middle.
    data = new_data(scenario, "killed", 65532)
    container = podman.start(data)
    wait_until("the container to be at work", lambda: at_work(data), 120, every=0.01)
    podman.call("kill", "--signal", "KILL", container)
    code = podman.wait(container)
    expect(code == 137, lambda: f"killed: exit {code} instead of 137: {podman.said(container)}")
    expect(files(data / "out") != clean, "killed: the job was through before")
    podman.call("start", container)
    expect_done("killed and started again", podman, container, data, clean)
    owners = {path.stat().st_uid for path in data.rglob("*") if path.name != "config.json"}
    expect(owners == {65532}, f"the files belong to {owners}")

    # As somebody else, and stopped in good order.
    data = new_data(scenario, "stopped", 4711)
    container = podman.start(data, "--user", "4711:4711")
    wait_until("the container to be at work", lambda: at_work(data), 120, every=0.01)
    podman.call("stop", "--time", "60", container)
    code = podman.wait(container)
    expect(code == 75, lambda: f"stopped: exit {code} instead of 75: {podman.said(container)}")
    podman.call("start", container)
    expect_done("stopped and started again", podman, container, data, clean)

    # As Kubernetes would run an Indexed Job of two.
    data = new_data(scenario, "indexed", 65532)
    pods = [podman.start(data, "--env", f"JOB_COMPLETION_INDEX={index}", "--env", "JOB_COMPLETIONS=2") for index in range(2)]
    for pod in pods:
        code = podman.wait(pod)
        expect(code == 0, lambda: f"indexed: exit {code}: {podman.said(pod)}")
        expect(f"task {pods.index(pod)}/2" in podman.said(pod), lambda: f"indexed: no task: {podman.said(pod)}")
    wrong = differences(files(data / "out"), clean)
    expect(not wrong, f"indexed: {wrong}")


if __name__ == "__main__":
    sys.exit(main("container", body))
