"""Checks of the image, and of a relay that runs in it."""

import http.client
import json
import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from container.compose import read_compose, seconds_of
from container.confined import START_SECONDS, Confined, confined
from container.image import Image

USER = 10_001


def check_image(image: Image) -> Iterator[str]:
    """Check the configuration and the contents of the image."""
    config = image.config
    assert config["User"] == f"{USER}:{USER}", config["User"]
    assert config["StopSignal"] == "SIGTERM", config
    assert config["Healthcheck"]["Test"] == ["CMD", "argybargy", "health", "--quiet"]
    yield "the image has a user, a stop signal and a health check"
    installed = image.root / "opt" / "argybargy"
    assert not list(installed.rglob("site-packages/pip")), "pip is in the image"
    left = [name for name in ("wheels", "src", "dist") if (image.root / name).is_dir()]
    assert not any(any((image.root / name).iterdir()) for name in left), left
    assert not list(image.root.glob("usr/bin/*gcc*")), "a compiler is in the image"
    yield "no compiler, pip or source is left in the image"
    assert list(installed.rglob("argybargy/serve/__pycache__/main.*.pyc"))
    yield "the bytecode is compiled"


def check_running(image: Image) -> Iterator[str]:
    """Check a relay that runs in the image."""
    with tempfile.TemporaryDirectory(prefix="argybargy-") as folder:
        data, log = Path(folder) / "data", Path(folder) / "log"
        data.mkdir(mode=0o700)
        os.chown(data, USER, USER)
        try:
            yield from _check_relay(image, data, log)
        except AssertionError as error:
            text = log.read_text() if log.exists() else ""
            raise AssertionError(f"{error}\n{text[-3_000:]}") from error


def _check_relay(image: Image, data: Path, log: Path) -> Iterator[str]:
    with running(image, data, log) as (relay, port):
        yield "the relay becomes healthy on a read-only root"
        yield from _check_confined(relay)
        token = relay.execute("argybargy", "token")
        assert re.fullmatch(r"\S{20,}\n", token.stdout), token
        invited = relay.execute("argybargy", "invite", "--name", "alice")
        assert invited.returncode == 0, invited
        found = re.search(r"argy_a1_\w+", invited.stdout + invited.stderr)
        assert found, invited
        assert _whoami(port, found[0]) == "alice"
        yield "'argybargy token' and 'argybargy invite --name alice' work"
        grace = seconds_of(read_compose()["services"]["bridge"]["stop_grace_period"])
        began = time.perf_counter()
        code = relay.stop(signal.Signals[image.config["StopSignal"]], grace)
        took = time.perf_counter() - began
        assert code == 0, f"the exit code was {code}"
        yield f"the relay stops cleanly: {took:.1f} of {grace:.0f} seconds"
    with running(image, data, log) as (_, port):
        assert _whoami(port, found[0]) == "alice"
        yield "the data is kept over a restart"


def _check_confined(relay: Confined) -> Iterator[str]:
    assert relay.status("Uid").split() == [str(USER)] * 4, relay.status("Uid")
    assert int(relay.status("CapEff"), 16) == 0
    assert int(relay.status("CapBnd"), 16) == 0
    assert relay.status("NoNewPrivs") == "1"
    assert relay.status("NSpid").split()[-1] == "1"
    yield "the relay is process 1, of an unprivileged user, without capabilities"
    for place in ("/", "/tmp", "/opt/argybargy", "/etc"):
        assert relay.execute("touch", f"{place}/written").returncode, place
    assert relay.execute("touch", "/data/written").returncode == 0
    yield "only /data is writable"


@contextmanager
def running(image: Image, data: Path, log: Path) -> Iterator[tuple[Confined, int]]:
    """Start a relay, and wait until the health check of the image succeeds."""
    port = _free_port()
    bridge = read_compose()["services"]["bridge"]["environment"]
    hosts = re.sub(r"\$\{\w+:-(.*)\}", r"\1", bridge["ARGYBARGY_ALLOWED_HOSTS"])
    environment = {"ARGYBARGY_PORT": str(port), "ARGYBARGY_ALLOWED_HOSTS": hosts}
    with confined(image, data, environment, log) as relay:
        check = image.config["Healthcheck"]["Test"][1:]
        until = time.perf_counter() + START_SECONDS
        while relay.execute(*check).returncode:
            assert time.perf_counter() < until, "the relay is not healthy"
            assert relay.outer.poll() is None, "the relay ended during its start"
            time.sleep(0.1)
        yield relay, port


def _whoami(port: int, code: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"authorization": f"Bearer {code}", "host": "localhost"}
    connection.request("GET", "/whoami", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    name: str = json.loads(answer.read())["name"]
    return name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
