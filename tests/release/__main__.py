"""Build a release, and try it: ``uvx nox -s release``.

Everything is built twice, and both builds must be the same byte for byte. The wheel is
installed into an empty environment of each Python on this machine, where its relay
carries a conversation. Nothing is published: ``dist/`` has the archives, their
checksums, the bill of materials and the notes.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).parents[1]))

from argybargy import __version__
from argybargy.torture.relay_process import open_relay_process
from release.bill import complete_bill
from release.contents import (
    files_of_package,
    find_faults_of_sdist,
    find_faults_of_wheel,
    names_in,
)
from release.notes import NoNotes, notes_of

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
UV = shutil.which("uv") or "uv"


def main() -> None:
    """Build, check, try and describe the release."""
    try:
        notes = notes_of((ROOT / "CHANGELOG.md").read_text(), __version__)
    except NoNotes as error:
        raise SystemExit(str(error)) from None
    epoch = _time_of_release()
    with tempfile.TemporaryDirectory() as name:
        built, again = Path(name, "built"), Path(name, "again")
        for folder in (built, again):
            _build(folder, epoch)
        wheel, sdist = _compare(built, again)
        _check(wheel, sdist)
        tried = [_try(wheel, python, Path(name)) for python in _pythons()]
        _deliver(wheel, sdist, notes, epoch)
    if not tried:
        raise SystemExit("no Python was found to try the wheel with")


def _time_of_release() -> int:
    """Return the time of the newest commit, or SOURCE_DATE_EPOCH if it is set."""
    given = os.environ.get("SOURCE_DATE_EPOCH")  # noqa: TID251 - a build tool's own
    return int(given or _read("git", "log", "-1", "--format=%ct"))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _read(*command: str, cwd: Path = ROOT) -> str:
    return subprocess.run(
        command, cwd=cwd, check=True, text=True, stdout=subprocess.PIPE
    ).stdout.strip()


def _build(folder: Path, epoch: int) -> None:
    variables = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}  # noqa: TID251
    command = [UV, "build", "--quiet", "--out-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, env=variables, check=True)


def _compare(built: Path, again: Path) -> tuple[Path, Path]:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    for archive in (wheel, sdist):
        if archive.read_bytes() != (again / archive.name).read_bytes():
            raise SystemExit(f"{archive.name} differs from build to build")
        _say(f"{archive.name}: twice the same")
    return wheel, sdist


def _check(wheel: Path, sdist: Path) -> None:
    faults = [
        *find_faults_of_wheel(names_in(wheel), files_of_package(ROOT)),
        *find_faults_of_sdist(names_in(sdist)),
    ]
    if faults:
        raise SystemExit("\n".join(faults))


def _pythons() -> Iterator[Path]:
    """Find the Pythons of this machine; none is downloaded."""
    for version in PYTHONS:
        command = [
            UV,
            "python",
            "find",
            "--no-python-downloads",
            "--no-project",
            version,
        ]
        asked = subprocess.run(command, check=False, capture_output=True, text=True)
        installed = (
            Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")
        )
        candidates = [asked.stdout.strip()] if asked.returncode == 0 else []
        found = [*map(Path, candidates), *sorted(installed)]
        if found:
            yield found[0]
        else:
            _say(f"Python {version}: not on this machine, not tried")


def _try(wheel: Path, python: Path, folder: Path) -> str:
    """Install the wheel into an empty environment, and hold a conversation."""
    version = _read(
        str(python), "-c", "import sys; print(*sys.version_info[:3], sep='.')"
    )
    home = folder / version
    subprocess.run([UV, "venv", "-q", "--python", str(python), str(home)], check=True)
    install = [UV, "pip", "install", "-q", "--python", str(home), str(wheel)]
    subprocess.run(install, cwd=ROOT, check=True)
    program = str(home / "bin" / "argybargy")
    said = _read(program, "--version", cwd=folder)
    if said != __version__:
        raise SystemExit(f"Python {version}: the version is {said}, not {__version__}")
    trio.run(_converse, (program, "serve"), folder / f"data-{version}")
    _say(f"Python {version}: installed, and held a conversation")
    return version


async def _converse(command: tuple[str, ...], data: Path) -> None:
    async with open_relay_process(data, command=command) as relay:
        alice, bob = await relay.guests(2)
        asked = await alice.post("Who is there?", expects_reply="anyone")
        (heard,) = (await bob.poll(0)).json["messages"]
        answered = await bob.post("I am.", reply_to=heard["seq"])
        (answer,) = (await alice.poll(heard["seq"])).json["messages"]
        statuses = asked.status, answered.status
        if statuses != (200, 200) or answer["text"] != "I am.":
            raise SystemExit(f"the conversation failed: {statuses}, {answer}")
        if await relay.stop() != 0:
            raise SystemExit(f"the relay did not stop well: {relay.log.read_text()}")


def _deliver(wheel: Path, sdist: Path, notes: str, epoch: int) -> None:
    """Write the archives, checksums, bill and notes to ``dist``."""
    target = ROOT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    digests = {
        each: hashlib.sha256(each.read_bytes()).hexdigest() for each in (wheel, sdist)
    }
    export = (UV, "export", "--quiet", "--format=cyclonedx1.5", "--all-extras")
    bill = complete_bill(
        _read(*export, "--preview-features=sbom-export"),
        version=__version__,
        digest=digests[wheel],
        epoch=epoch,
    )
    for archive in digests:
        shutil.copy(archive, target)
    sums = "".join(f"{digest}  {each.name}\n" for each, digest in digests.items())
    (target / "SHA256SUMS").write_text(sums)
    (target / f"argybargy-{__version__}.cdx.json").write_text(bill)
    (target / "NOTES.md").write_text(notes)
    parts = len(json.loads(bill)["components"])
    _say(f"dist/ has version {__version__}, its notes and a bill of {parts} packages")


if __name__ == "__main__":
    main()
