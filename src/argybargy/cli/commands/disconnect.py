"""The command that disconnects an agent."""

from pathlib import Path
from typing import Literal

from argybargy.cli.agent_files.connection import Removal, take_out_connection
from argybargy.cli.agent_files.programs import PROGRAMS
from argybargy.cli.commands.other_seat import relay_words, revoke_command, seat_words
from argybargy.cli.environment import Environment
from argybargy.cli.errors import Exit

ProgramKey = Literal[
    "claude", "codex", "opencode", "copilot", "gemini", "cursor", "goose"
]


def disconnect(
    env: Environment, client: ProgramKey, *, directory: Path | None = None
) -> int:
    """Remove what 'connect --write' wrote into the files of a program.

    The rest of these files stays as it is. The file with the code is deleted; the code
    itself stays valid until it is revoked.

    Example: argybargy disconnect claude

    Args:
        client: Program that was connected.
        directory: Project directory. Default: the current one.
    """
    removal = take_out_connection(client, directory or Path.cwd())
    receipt, undo_steps = removal.receipt, PROGRAMS[client].undo_steps
    revoke = revoke_command(env, receipt)
    out = env.output
    if out.is_json:
        out.write_json(
            {
                "client": client,
                "room": receipt.seat_name.room,
                "name": receipt.seat_name.name,
                "key_id": receipt.key_id or None,
                "changed": list(removal.changed),
                "kept": list(removal.kept),
                "next": [*undo_steps, out.typed(revoke)],
            }
        )
        return _code(removal)
    for sentence in removal.kept:
        out.warn(sentence)
    for step in undo_steps:
        out.say(f"The program keeps a note of its own. To remove it: {step}")
    out.say(
        f"The code of {seat_words(receipt)} on {relay_words(receipt)} is valid until "
        f"it is revoked: {revoke}"
    )
    for path in removal.changed:
        out.write(path)
    return _code(removal)


def _code(removal: Removal) -> int:
    return Exit.FAILED if removal.kept else Exit.OK
