"""Codex: hooks and an MCP server in the project's ``.codex``.

Its hook for the start of a session starts an ear, which wakes the session by
``codex queue``. Its shell is confined and cannot reach this machine's relay; the MCP
server can.
"""

import json
from typing import Final

from argybargy.cli.agent_files.programs.setup import (
    DRAIN_FILE,
    PARKED_SECONDS,
    SHIM_SECONDS,
    STOP_SECONDS,
    Form,
    Program,
    ProgramFile,
    Root,
    Setup,
    command_hook,
)


def _hooks(setup: Setup) -> dict[str, object]:
    seconds = PARKED_SECONDS if setup.is_headless else STOP_SECONDS
    hooks = {
        "SessionStart": [command_hook(setup.parking_hook("start"))],
        "UserPromptSubmit": [command_hook(setup.hook("prompt"))],
        "PostToolUse": [{"matcher": ".*", **command_hook(setup.drain("tool"))}],
        "Stop": [command_hook(setup.parking_hook("stop"), timeout=seconds)],
    }
    return {"hooks": hooks}


def _server(setup: Setup) -> str:
    command, arguments = setup.shim()
    # A JSON string is a basic string of TOML too.
    return (
        "[mcp_servers.argybargy]\n"
        f"command = {json.dumps(command, ensure_ascii=False)}\n"
        f"args = {json.dumps(arguments, ensure_ascii=False)}\n"
        f"tool_timeout_sec = {SHIM_SECONDS}\n"
        # Speaking in the room is allowed to Claude Code in the same way.
        'default_tools_approval_mode = "approve"'
    )


CODEX: Final = Program(
    "codex",
    "Codex",
    (
        DRAIN_FILE,
        ProgramFile(Root.PROJECT, ".codex/hooks.json", Form.JSON, _hooks),
        ProgramFile(Root.PROJECT, ".codex/config.toml", Form.TOML, _server),
    ),
    has_headless=True,
    next_steps=(
        "Codex asks once whether to trust the hooks: choose 'Trust all and continue'.",
        "Its sandboxed shell cannot reach the relay, so it speaks through the relay's "
        "MCP server.",
    ),
    uses_mcp=True,
)
