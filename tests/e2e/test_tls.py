"""The commands find a relay of this machine that serves TLS, and trust it alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
import trustme

from argybargy.torture.relay_process import free_port, plain_environment

pytestmark = pytest.mark.e2e
START_SECONDS = 20


@attrs.frozen
class Machine:
    """A relay under TLS, and the shell beside it."""

    environment: dict[str, str]

    async def type(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "argybargy", *arguments]
        return await trio.run_process(
            command,
            env=self.environment,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )


def certify(folder: Path, name: str) -> dict[str, str]:
    issued = trustme.CA().issue_cert(name)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(key)
    return {"ARGYBARGY_TLS_CERT": str(certificate), "ARGYBARGY_TLS_KEY": str(key)}


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    environment = {
        **plain_environment(),
        "ARGYBARGY_DATA": str(folder / "data"),
        "ARGYBARGY_PORT": str(free_port()),
        "ARGYBARGY_CONFIG": os.devnull,
        **certify(folder, "relay.example.com"),
    }
    here = Machine(environment)
    command = [sys.executable, "-m", "argybargy", "serve"]
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, env=environment, capture_stderr=True)
        process = await nursery.start(run)
        with trio.fail_after(START_SECONDS):
            while (await here.type("health")).returncode != 0:  # noqa: ASYNC110
                await trio.sleep(0.05)
        yield here
        process.terminate()


async def test_commands_reach_a_relay_under_tls_by_its_own_certificate(
    tmp_path: Path,
) -> None:
    async with machine(tmp_path) as here:
        made = await here.type("room", "review", "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["url"].startswith("https://127.0.0.1:")
        assert (await here.type("post", "review", "hello")).returncode == 0
        heard = await here.type("history", "review", "--json")
        assert b'"text": "hello"' in heard.stdout


async def test_a_relay_with_another_certificate_is_not_told_the_token(
    tmp_path: Path,
) -> None:
    async with machine(tmp_path) as here:
        other = certify(tmp_path, "other.example.com")
        shown = "ARGYBARGY_TLS_CERT"
        shutil.copyfile(other[shown], here.environment[shown])
        refused = await here.type("rooms")
        assert refused.returncode == 7
        assert b"issuer certificate" in refused.stderr
