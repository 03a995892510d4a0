"""Run a process confined like in a container, without an engine."""

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from container.image import Image

START_SECONDS: Final = 30
_PRIVILEGES: Final = (
    "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all",
)  # fmt: skip


@attrs.frozen
class Confined:
    """A process with namespaces of its own, in which it is process 1.

    Attributes:
        image: Image that is its read-only root file system.
        data: Directory mounted as /data.
        environment: Variables besides those of the image.
        outer: Process that created the namespaces; ends with the confined one.
        pid: Its process id in the outer namespace.
    """

    image: Image
    data: Path
    environment: dict[str, str]
    outer: subprocess.Popen[str]
    pid: int

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the namespaces, like ``exec`` of an engine."""
        inside = _as_user(self.image, self.environment, command)
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--"]
        return subprocess.run(
            [*enter, *inside], text=True, capture_output=True, check=False, timeout=60
        )

    def status(self, field: str) -> str:
        """Return a field of ``/proc/<pid>/status``."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"^{field}:\s*(.*)$", text, re.MULTILINE)
        return found[1] if found else ""

    def stop(self, number: signal.Signals, within_seconds: float) -> int:
        """Send a signal and wait for the exit; return the exit code."""
        os.kill(self.pid, number)
        return self.outer.wait(within_seconds)


@contextmanager
def confined(
    image: Image, data: Path, environment: dict[str, str], log: Path
) -> Iterator[Confined]:
    """Run the command of the image; kill it when the block ends."""
    command = [*image.config["Entrypoint"], *image.config["Cmd"]]
    root = shlex.quote(str(image.root))
    script = "\n".join([
        "set -e",
        f"mount --bind {root} {root}",
        f"mount --bind {shlex.quote(str(data))} {root}/data",
        f"mount --rbind /dev {root}/dev",
        f"mount -t proc proc {root}/proc",
        f"mount -o remount,bind,ro {root}",
        f"exec {shlex.join(_as_user(image, environment, command))}",
    ])  # fmt: skip
    unshare = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork"]
    with log.open("ab") as sink:
        outer = subprocess.Popen(
            [*unshare, "--kill-child", "sh", "-c", script],
            text=True, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
        )  # fmt: skip
    try:
        yield Confined(image, data, environment, outer, _find_child(outer))
    finally:
        outer.kill()
        outer.wait()


def _as_user(
    image: Image, environment: dict[str, str], command: Sequence[str]
) -> list[str]:
    user, _, group = image.config["User"].partition(":")
    variables = {**image.environment, **environment}
    return [
        "chroot", str(image.root), "setpriv", f"--reuid={user}", f"--regid={group}",
        *_PRIVILEGES, "env", "--ignore-environment",
        f"--chdir={image.config['WorkingDir']}",
        *(f"{name}={value}" for name, value in variables.items()), *command,
    ]  # fmt: skip


def _find_child(outer: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until = time.perf_counter() + START_SECONDS
    while time.perf_counter() < until:
        found = children.read_text().split()
        if found:
            return int(found[0])
        time.sleep(0.01)
    raise AssertionError("the process did not start")
