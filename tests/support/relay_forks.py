"""Start relays as forks of a process that has imported everything.

Importing takes a relay two thirds of a second of CPU. The tests start some five
hundred, so most of them are forked from a server, which imports once. Apart from that a
fork does what ``python -m argybargy`` does, with arguments, variables and output of its
own.
"""

import gc
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

import attrs
import trio

_MOST_BYTES: Final = 1 << 16
_PACKAGES: Final = ("domain", "http", "relay", "serve", "settings", "store", "web")


@attrs.define
class Fork:
    """A running fork, with the methods of :class:`subprocess.Popen` that tests use.

    Attributes:
        pid: Process id.
        returncode: Exit code, or minus the number of a signal; ``None`` before it is
            known.
    """

    pid: int
    _forks: "RelayForks"
    _descriptor: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or ``None`` while the process runs."""
        if self.returncode is None:
            self.returncode = self._forks.exit_code(self.pid)
            if self.returncode is not None:
                os.close(self._descriptor)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process and return its exit code.

        Raises:
            subprocess.TimeoutExpired: It runs for more than `timeout` seconds.
        """
        if self.returncode is None:
            ended, _, _ = select.select([self._descriptor], [], [], timeout)
            if not ended:
                raise subprocess.TimeoutExpired("argybargy", timeout or 0)
        while (code := self.poll()) is None:
            time.sleep(0.001)  # it has ended, and is about to be seen as ended
        return code

    async def wait_async(self) -> int:
        """Wait as :meth:`wait` does, in a Trio program."""
        if self.returncode is None:
            await trio.lowlevel.wait_readable(self._descriptor)
        return self.wait()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


@attrs.define
class RelayForks:
    """The client of a server that forks relays. It serves one request at a time."""

    _control: socket.socket

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        """Start the server; it ends with the block, its forks do not."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno())]
        with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as server:
            theirs.close()
            yield cls(ours)
            ours.close()
            server.wait(10)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Fork:
        """Start ``argybargy`` with these arguments; its output goes to a log file."""
        order = {
            "run": arguments,
            "environment": dict(environment),
            "log": str(log),
            # What a child process would inherit.
            "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE),
            "directory": str(Path.cwd()),
        }
        pid = self._ask(order)
        return Fork(pid, self, os.pidfd_open(pid))

    def exit_code(self, pid: int) -> int | None:
        """Return the exit code of a fork, or ``None`` while it runs."""
        code: int | None = self._ask({"ended": pid})
        return code

    def _ask(self, order: Mapping[str, object]) -> Any:  # noqa: ANN401  JSON
        self._control.send(json.dumps(order).encode())
        answer = self._control.recv(_MOST_BYTES)
        assert answer, "the server of forks has ended"
        return json.loads(answer)


# -- the server ----------------------------------------------------------------------


def _serve(control: socket.socket) -> None:
    import_module("argybargy.cli.main")
    for name in _PACKAGES:
        package = import_module(f"argybargy.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    gc.collect()
    gc.freeze()  # collections of the forks leave shared pages alone
    while order := control.recv(_MOST_BYTES):
        answer = _carry_out(json.loads(order), control)
        control.send(json.dumps(answer).encode())


def _carry_out(order: dict[str, Any], control: socket.socket) -> int | None:
    if "ended" in order:
        pid, status = os.waitpid(order["ended"], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None
    pid = os.fork()
    if pid == 0:
        control.close()
        _run(order)
    return pid


def _run(order: dict[str, Any]) -> None:
    """Become the program, and end with it."""
    from argybargy.__main__ import main  # noqa: PLC0415 - a program, not a package

    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(order["descriptors"]))
    os.chdir(order["directory"])
    os.environ.clear()  # noqa: TID251  as a new process finds it
    os.environ.update(order["environment"])  # noqa: TID251
    sys.argv = ["argybargy", *order["run"]]
    code = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
