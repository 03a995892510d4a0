"""The doctor beside relays that run, and what is said of a port that is taken."""

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from argybargy.torture.relay_process import plain_environment
from support.relay_process import RealServer, free_port, open_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="holders are told by /proc"),
]


async def run(
    *arguments: str, data: Path, port: int, **more: str
) -> tuple[int, str, str]:
    """Run a command to its end: exit code, data, talk."""
    variables = {
        **plain_environment(),
        "ARGYBARGY_DATA": str(data),
        "ARGYBARGY_PORT": str(port),
        **more,
    }
    with trio.fail_after(40):
        done = await trio.run_process(
            [sys.executable, "-m", "argybargy", *arguments],
            env=variables,
            check=False,
            capture_stdout=True,
            capture_stderr=True,
        )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def examine(server: RealServer, data: Path, **more: str) -> Mapping[str, Any]:
    port = server.address.port
    _, out, _ = await run("doctor", "--json", data=data, port=port, **more)
    return {row["check"]: row for row in json.loads(out)["findings"]}


async def test_a_relay_that_runs_is_known_and_left_in_peace(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        guest = await server.guest("alice")
        await guest.post("before")
        url = f"http://127.0.0.1:{server.address.port}"
        found = await examine(server, server.data, ARGYBARGY_PUBLIC_URL=url)
        assert f"(process {server.process.pid})" in found["port"]["text"]
        assert "the relay of this data directory" in found["port"]["text"]
        assert "The running relay" in found["descriptors"]["text"]
        for check in ("port", "database", "files", "ready", "version", "public_url"):
            assert found[check]["level"] == "ok", found[check]
        assert (await guest.post("after")).status == 200


async def test_a_port_of_another_relay_is_said_with_its_directory(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        found = await examine(server, tmp_path / "other")
        holder = f"the relay of {tmp_path}/data (process {server.process.pid})"
        assert found["port"]["level"] == "problem"
        assert holder in found["port"]["text"]
        port = server.address.port
        code, _, talk = await run("serve", data=tmp_path / "other", port=port)
        assert code == 1
        assert f"Cannot serve on 127.0.0.1:{port}: it is held by {holder}" in talk
        assert f"argybargy serve --port {port + 1}\n" in talk


async def test_a_relay_that_serves_tls_is_examined_over_tls(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("relay.example.com")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(key)
    files = {"ARGYBARGY_TLS_CERT": str(certificate), "ARGYBARGY_TLS_KEY": str(key)}
    data, port = tmp_path / "data", free_port()
    async with trio.open_nursery() as nursery:
        serve = partial(run, "serve", data=data, port=port, **files)
        nursery.start_soon(serve)
        with trio.fail_after(30):
            while True:
                _, out, _ = await run("doctor", "--json", data=data, port=port, **files)
                found = {row["check"]: row for row in json.loads(out)["findings"]}
                if "https" in found["ready"]["text"]:
                    break
        nursery.cancel_scope.cancel()
    assert found["ready"]["level"] == "ok", found
    assert found["version"]["level"] == "ok"
