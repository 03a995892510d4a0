"""Build the image, and run it confined: ``python tests/container``.

Needs buildah, root and Linux, but no container engine. The confinement of an engine is
set up by hand: own namespaces, read-only file system, the image's user, no
capabilities, no new privileges. The base image is pulled, or made by debootstrap if no
registry can be reached.
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
Not checked, since it needs an engine: published ports, named volumes, intervals of \
the health check, and compose.yaml as compose reads it (a test reads it as YAML)."""


def main() -> int:
    """Build, run and check the image; exit with an error if a check fails."""
    parser = argparse.ArgumentParser(prog="tests/container", description=__doc__)
    store = ROOT / ".nox" / "container"
    parser.add_argument(
        "--store", type=Path, default=store, help="directory for images"
    )
    parser.add_argument("--base", help="an existing base image")
    parser.add_argument(
        "--volume",
        action="append",
        default=[],
        help="volume for the build, as for buildah",
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
