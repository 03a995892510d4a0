"""``python tests/bench``: measure servers that speak the protocol, on Linux.

For example::

    python tests/bench run --server "argybargy serve" --vs "other serve" --json out
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    if not __package__:
        # Started as a directory: its parent is where ``bench`` is found.
        sys.path[0] = str(Path(__file__).resolve().parents[1])
    from bench.cli import app

    app()
