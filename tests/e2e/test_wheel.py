"""The wheel runs where nothing else of the project is, with all it needs inside."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import trio

from argybargy.torture.relay_process import open_relay_process

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(UV is None, reason="uv builds the wheel, and is not here"),
]
# Without its site the interpreter does not find the checkout, which is installed there.
BARE = """\
import site, sys
sys.path[:] = [p for p in sys.path if p != {source!r}]
sys.path.insert(0, {wheel!r})
import argybargy
assert argybargy.__file__.startswith({wheel!r}), argybargy.__file__
from argybargy.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it, and return where it is."""
    folder = tmp_path_factory.mktemp("dist")
    command = [str(UV), "build", "--quiet", "--wheel", "--out-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_everything_that_is_no_code_is_inside_too(wheel: Path) -> None:
    source = ROOT / "src"
    kept = {
        str(path.relative_to(source))
        for path in (source / "argybargy").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert {name for name in kept if name.endswith(".sql")}
    assert any("dashboard/vendor" in name for name in kept)
    with zipfile.ZipFile(wheel) as archive:
        assert kept <= set(archive.namelist())


async def test_a_relay_of_the_wheel_serves_its_pages_from_an_empty_directory(
    wheel: Path, tmp_path: Path
) -> None:
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    script = BARE.format(source=str(ROOT / "src"), wheel=str(unpacked))
    command = (sys.executable, "-c", script, "serve")
    async with open_relay_process(tmp_path / "data", command=command) as relay:
        guest = await relay.guest("alice")
        assert (await guest.post("hello")).status == 200
        for page in ("/dashboard", "/docs", "/openapi.json"):
            assert await _status(relay.address.port, page) == b"200"
        assert await relay.stop() == 0


async def _status(port: int, page: str) -> bytes:
    request = f"GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    client = await trio.open_tcp_stream("127.0.0.1", port)
    async with client:
        await client.send_all(request.encode())
        return (await client.receive_some())[9:12]
