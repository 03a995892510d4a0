"""Build images with buildah, on a base image that is pulled or made."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

BASE: Final = "docker.io/library/python:3.11-slim-bookworm"
MADE: Final = "localhost/argybargy-base"
NAME: Final = "localhost/argybargy-under-test"
PACKAGES: Final = "python3,python3-venv,python3-pip,ca-certificates"
BUILD_SECONDS: Final = 900
# Configuration of pip on this machine, for the build.
PIP_FILES: Final = ("/etc/pip.conf", "/root/.config/pip/pip.conf", "/etc/ssl/certs")


class BuildError(Exception):
    """The image could not be built; the text has the reason."""


@attrs.frozen
class Image:
    """A built image.

    Attributes:
        config: Its configuration, as engines read it.
        root: Mount point of its file system.
    """

    config: dict[str, Any]
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that the image sets."""
        pairs = (entry.partition("=") for entry in self.config["Env"])
        return {name: value for name, _, value in pairs}


@attrs.frozen
class Builder:
    """Builds images with buildah, in a store of its own.

    Attributes:
        source: Directory of the Containerfile.
        store: Directory for images.
        volumes: Volumes for the build.
    """

    source: Path
    store: Path
    volumes: tuple[str, ...]

    def find_base(self) -> str:
        """Pull the base image, or make one."""
        if self._has(MADE):
            return MADE
        try:
            self._buildah("pull", BASE)
        except BuildError:
            sys.stdout.write(f"{BASE} cannot be pulled; a base is made instead.\n")
            return self._make_base()
        return BASE

    @contextmanager
    def build(self, base: str) -> Iterator[Image]:
        """Build the Containerfile on a base, and mount the image."""
        files = [f"{path}:{path}:ro" for path in PIP_FILES if Path(path).exists()]
        volumes = [f"--volume={each}" for each in (*files, *self.volumes)]
        self._buildah(
            "build", "--isolation=chroot", "--pull-never", "--format=docker",
            f"--build-arg=PYTHON={base}", *volumes,
            f"--file={self.source / 'Containerfile'}", f"--tag={NAME}",
            str(self.source),
        )  # fmt: skip
        found = json.loads(self._buildah("inspect", "--type=image", NAME))
        container = self._buildah("from", "--pull-never", NAME).split()[-1]
        try:
            root = Path(self._buildah("mount", container).strip())
            yield Image(found["Docker"]["config"], root)
        finally:
            self._buildah("rm", container)
            self._buildah("rmi", "--prune", "--force")

    def _has(self, name: str) -> bool:
        return name in self._buildah("images", "--format={{.Name}}").split()

    def _make_base(self) -> str:
        folder = self.store / "base"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _run(
            "debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm",
            str(folder),
        )  # fmt: skip
        (folder / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")
        container = self._buildah("from", "scratch").split()[-1]
        self._buildah("copy", container, str(folder), "/")
        self._buildah("commit", "--rm", container, MADE)
        shutil.rmtree(folder)
        return MADE

    def _buildah(self, *arguments: str) -> str:
        places = [f"--root={self.store}/root", f"--runroot={self.store}/run"]
        return _run("buildah", *places, *arguments)


def _run(*command: str) -> str:
    try:
        done = _complete(command)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    if done.returncode:
        raise BuildError(f"{' '.join(command)}:\n{done.stderr[-4_000:]}")
    return done.stdout


def _complete(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, text=True, capture_output=True, check=False, timeout=BUILD_SECONDS
    )
