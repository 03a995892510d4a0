"""The guard of a cluster: its children end although the cluster was killed."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trio

from argybargy.serve.cluster.child import Guard
from argybargy.serve.cluster.guard import (
    PATIENCE_SECONDS,
    end_children,
    read_children,
)

CHILD = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as link:
    link.sendall(b"up")
    link.recv(1)
"""
CLUSTER = """
import sys, trio
from pathlib import Path
from argybargy.serve.cluster.child import Command, open_child, open_guard

async def run():
    words = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
    command = Command("child", words, Path(sys.argv[3]))
    async with open_guard() as guard, open_child(command, print, guard):
        await trio.sleep_forever()

trio.run(run)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no cluster")
async def test_the_children_of_a_killed_cluster_end(tmp_path: Path) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = str(listener.socket.getsockname()[1])
    words = [sys.executable, "-c", CLUSTER, CHILD, port, str(tmp_path / "child.log")]
    with trio.fail_after(60):
        async with listener, trio.open_nursery() as nursery:
            cluster = await nursery.start(
                partial(trio.run_process, words, check=False, start_new_session=True)
            )
            async with await listener.accept() as link:
                assert await link.receive_some() == b"up"
                cluster.kill()
                # The child ends, and with it the connection.
                with suppress(trio.BrokenResourceError):
                    assert await link.receive_some() == b""


def test_children_that_have_ended_are_forgotten() -> None:
    lines = [b"+1 15\n", b"+2 2\n", b"-1\n", b"+3 15\n", b"-9\n"]
    assert read_children(lines) == {2: 2, 3: 15}
    # The cluster may be killed within a write.
    assert read_children([*lines, b"-2"]) == {2: 2, 3: 15}
    assert read_children([*lines, b"+4"]) == {2: 2, 3: 15}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no cluster")
def test_a_child_that_does_not_end_is_killed_with_what_it_has_started() -> None:
    source = (
        "import signal, subprocess, sys; signal.signal(15, signal.SIG_IGN);"
        "subprocess.Popen(['sleep', '600'], stdout=sys.stdout);"
        "print('up', flush=True); signal.pause()"
    )
    slept: list[float] = []

    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        end_children({child.pid: signal.SIGTERM}, lambda: sum(slept), slept.append)
        assert child.stdout.read() == b""  # the grandchild has ended, too
        assert child.wait() == -signal.SIGKILL
    assert sum(slept) >= PATIENCE_SECONDS
    end_children({child.pid: signal.SIGTERM})  # there is nothing to end


def test_a_guard_that_was_killed_does_no_harm() -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    try:
        Guard(ours).tell("+1 15")
    finally:
        os.close(ours)
