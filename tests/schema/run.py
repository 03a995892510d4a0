"""Test a running relay against its OpenAPI document, with Schemathesis.

``python tests/schema/run.py [arguments of "schemathesis run"]``
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import trio

from argybargy.torture.relay_process import open_relay_process

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
ARGUMENTS: Final = ("--checks=all", "--max-examples=30", "--continue-on-failure")


async def main(arguments: list[str]) -> int:
    """Start a relay, run Schemathesis against it, and return its exit code."""
    with tempfile.TemporaryDirectory() as place:
        async with open_relay_process(
            Path(place) / "data", ARGYBARGY_TRUSTED_PROXIES="127.0.0.1"
        ) as relay:
            agent = await relay.guest("schema-agent", "schema-room")
            variables = {
                **os.environ,  # noqa: TID251 - passed on to the tool
                "SCHEMATHESIS_HOOKS": str(CONFIG.with_name("hooks.py")),
                "ARGY_CODE": agent.code,
                "ARGY_ADMIN_TOKEN": relay.token(),
            }
            url = f"http://{relay.address.host}:{relay.address.port}/openapi.json"
            tool = ("schemathesis", f"--config-file={CONFIG}", "run", url)
            done = await trio.run_process(
                [*tool, *(arguments or ARGUMENTS)],
                env=variables,
                check=False,
                stdin=subprocess.DEVNULL,
            )
    return done.returncode


if __name__ == "__main__":
    sys.exit(trio.run(main, sys.argv[1:]))
