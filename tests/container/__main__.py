"""Builds the image, and starts it as a container: ``python tests/container``.

No container engine is needed, but buildah, root, and Linux. What an engine would do
to the process is done by hand: namespaces of its own, the image's file system
read-only, its user, no capabilities, nothing new to be gained. The base image is
pulled, or made by debootstrap where no registry can be reached.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from container.checks import check_image, check_running  # noqa: E402
from container.image import Builder, BuildError  # noqa: E402

UNCHECKED = """\
Not checked, since it takes an engine: ports published by it, a named volume, the \
times of the health check, and compose.yaml as compose reads it (a test reads it \
as YAML)."""


def main() -> int:
    """Build, start, check; the exit code says whether all is as promised."""
    parser = argparse.ArgumentParser(prog="tests/container", description=__doc__)
    store = ROOT / ".nox" / "container"
    parser.add_argument("--store", type=Path, default=store, help="for images")
    parser.add_argument("--base", help="a base image that is there already")
    parser.add_argument(
        "--volume", action="append", default=[], help="for the build, as buildah's"
    )
    given = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit("This needs Linux, and root for namespaces.")
    builder = Builder(ROOT, given.store, tuple(given.volume))
    try:
        with builder.build(given.base or builder.find_base()) as image:
            done = [*check_image(image), *check_running(image)]
    except (BuildError, AssertionError) as error:
        sys.exit(f"failed: {error}")
    sys.stdout.write("\n".join([*(f"ok: {line}" for line in done), UNCHECKED, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
