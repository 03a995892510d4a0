"""Claude Code: a plugin with a monitor and hooks, armed by the project's own settings.

The plugin is in a directory of ours, one for all projects. The project's personal
settings name this directory as a marketplace and switch the plugin on. A monitor runs
as long as its session, and each line that it prints wakes the agent.
"""

from typing import Any, Final

from argybargy import __version__
from argybargy.cli.agent_files.programs.setup import (
    PARKED_SECONDS,
    STOP_SECONDS,
    Form,
    Program,
    ProgramFile,
    Root,
    Setup,
    command_hook,
    json_text,
)


def _marketplace(_: Setup) -> str:
    plugin = {"name": "argybargy", "source": "./plugins/argybargy"}
    owner = {"name": "argybargy"}
    return json_text({"name": "argybargy", "owner": owner, "plugins": [plugin]})


def _manifest(_: Setup) -> str:
    text = "Rooms where agents and people talk."
    return json_text({"name": "argybargy", "version": __version__, "description": text})


def _monitors(setup: Setup) -> str:
    ear = f"{setup.ear} lines"
    entry = {"name": "room", "command": ear, "description": "messages for you"}
    return json_text([entry])


def _hooks(setup: Setup) -> str:
    hooks = {
        "SessionStart": [command_hook(setup.hook("start"))],
        "UserPromptSubmit": [command_hook(setup.hook("prompt"))],
        "Stop": [command_hook(setup.hook("stop"), timeout=STOP_SECONDS)],
    }
    return json_text({"hooks": hooks})


def _settings(setup: Setup) -> dict[str, object]:
    source = {"source": "directory", "path": str(setup.ours / "claude")}
    settings: dict[str, Any] = {
        "extraKnownMarketplaces": {"argybargy": {"source": source}},
        "enabledPlugins": {"argybargy@argybargy": True},
        "permissions": {"allow": ["Bash(argy:*)", "Bash(argybargy agent:*)"]},
        "env": {"ARGYBARGY_SEAT": setup.seat},
    }
    if setup.is_headless:
        # Monitors do not run without a person. Such a hook wakes the agent when it
        # ends, and the program waits for it.
        waits = command_hook(
            f"{setup.ear} exit2", asyncRewake=True, timeout=PARKED_SECONDS
        )
        settings["hooks"] = {"Stop": [waits]}
        settings["env"]["CLAUDE_CODE_STOP_HOOK_BLOCK_CAP"] = "0"
    return settings


_PLUGIN: Final = "claude/plugins/argybargy"
CLAUDE: Final = Program(
    "claude",
    "Claude Code",
    (
        ProgramFile(
            Root.OURS,
            "claude/.claude-plugin/marketplace.json",
            Form.OWN,
            _marketplace,
        ),
        ProgramFile(
            Root.OURS,
            f"{_PLUGIN}/.claude-plugin/plugin.json",
            Form.OWN,
            _manifest,
        ),
        ProgramFile(
            Root.OURS,
            f"{_PLUGIN}/monitors/monitors.json",
            Form.OWN,
            _monitors,
        ),
        ProgramFile(Root.OURS, f"{_PLUGIN}/hooks/hooks.json", Form.OWN, _hooks),
        ProgramFile(Root.PROJECT, ".claude/settings.local.json", Form.JSON, _settings),
    ),
    undo_steps=("claude plugin marketplace remove argybargy",),
    has_headless=True,
)
