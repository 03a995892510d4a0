"""Measure the start-up of the commands for agents: python tests/bench/start_up.py.

Each figure is the CPU time of the cheapest of many starts, above that of ``python -c
pass``: on an idle machine it is the time that passes, and other programs add little to
it. A command without a seat ends when everything is imported, before it would send its
request.
"""

import os
import resource
import subprocess
import sys
import tempfile

STARTS = 21
GOAL_MS = 150
ARGY = "from argybargy.agent.main import main; main()"
"""The script ``argy``."""
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "argy say": ["-c", ARGY, "say", "text"],
    "argy read": ["-c", ARGY, "read"],
    "argy wait": ["-c", ARGY, "wait"],
    "argy ear": ["-c", ARGY, "ear", "--wake", "lines"],
    "argybargy version": ["-m", "argybargy", "version"],
    "argybargy --version": ["-m", "argybargy", "--version"],
}


def cheapest_ms(words: list[str], environment: dict[str, str]) -> float:
    """Return the least CPU time of a command, in milliseconds."""
    took = []
    for _ in range(STARTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: PLW1510 - a command without a seat fails
            [sys.executable, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        took.append(1000 * spent)
    return min(took)


def main() -> None:
    """Print a line for each command."""
    with tempfile.TemporaryDirectory() as folder:
        # Bytecode is cached, as it is after the first start of an installed program.
        environment = {"PATH": os.defpath, "XDG_STATE_HOME": folder}
        cheapest_ms(COMMANDS["argybargy version"], environment)
        bare = cheapest_ms(COMMANDS["python -c pass"], environment)
        sys.stdout.write(f"{'python -c pass':20} {bare:6.0f} ms\n")
        for name, words in list(COMMANDS.items())[1:]:
            above = cheapest_ms(words, environment) - bare
            sys.stdout.write(f"{name:20} {above:+6.0f} ms (goal: {GOAL_MS})\n")


if __name__ == "__main__":
    main()
