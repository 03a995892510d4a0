"""A start waits for a command of ours that has the data directory for a moment."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from argybargy.store.data_directory import find_server_address, is_held

WAIT_SECONDS: Final = 5.0
"""How long: offline commands take less, and a service manager tries again."""
LOOK_SECONDS: Final = 0.1


async def wait_for_command(directory: Path, tell: Callable[[str], object]) -> None:
    """Wait until no command holds a data directory, for up to `WAIT_SECONDS`.

    A relay says in its lock where it listens, a command says nothing. So a relay that
    listens is not waited for; one that starts or stops is taken for a command.

    Args:
        directory: The data directory; it need not exist.
        tell: Called once if there is something to wait for.

    Raises:
        Refused: The file system has no locks.
    """
    is_told = False
    with trio.move_on_after(WAIT_SECONDS):
        while is_held(directory) and find_server_address(directory) is None:
            if not is_told:
                tell(
                    f"Another command uses {directory}. "
                    f"Waiting for it, for up to {WAIT_SECONDS:.0f} seconds."
                )
                is_told = True
            await trio.sleep(LOOK_SECONDS)
