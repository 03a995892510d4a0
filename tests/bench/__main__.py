"""Benchmark of relay servers: ``python tests/bench``. Linux only.

For example::

    python tests/bench run --server "argybargy serve" --vs "other serve" --json out
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    if not __package__:
        # Run as a directory: the package ``bench`` is found in its parent.
        sys.path[0] = str(Path(__file__).resolve().parents[1])
    from bench.cli import app

    app()
