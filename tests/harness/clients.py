"""The programs: how each is installed, prepared and started in a world of its own."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs

from harness.formats import Step
from harness.world import World

SPOKEN: Final = "SPOKEN-BY-THE-MODEL"
_SAY: Final = {"command": f"argy say --fyi {SPOKEN}", "description": "say it"}
KEY: Final = "sk-ant-fake-argybargy-harness-0000"
FAKE: Final = "fake-1"


@attrs.frozen
class Client:
    """A program.

    Attributes:
        key: Its name in `argybargy connect`.
        title: Its display name.
        package: Its package in the npm registry.
        version: The exact version.
        binary: Its executable below the folder of the package.
        prepare: Writes its own configuration: model, trust, no questions.
        environment: Its variables.
        arguments: Arguments of its terminal program.
        prompts: Texts on its screen that show that it takes input.
        dialogs: Texts of the questions of its first start, with the keys that answer
            them, in order.
        wakes_idle: Whether it is promised to be woken at its prompt.
        renew: The command that begins a new session in the same program.
        speaks: The tool call by which its model says `SPOKEN` in the room.
        arms: The tool call by which its model makes a post wake it, once.
        headless: Arguments to run it without a person; empty if that ends at once.
    """

    key: str
    title: str
    package: str
    version: str
    binary: str
    prepare: Callable[[World], None]
    environment: Callable[[World], Mapping[str, str]]
    arguments: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    dialogs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    wakes_idle: bool = True
    headless: tuple[str, ...] = ()
    renew: str = ""
    arms: Step | None = None
    speaks: Step | None = None

    def path(self, programs: Path) -> Path:
        """Return its executable."""
        return programs / self.key / "node_modules" / self.binary


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))


# -- Claude Code ------------------------------------------------------------------


def _prepare_claude(world: World) -> None:
    trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    write_json(
        world.home / ".claude.json",
        {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(world.project): trusted},
        },
    )


CLAUDE: Final = Client(
    "claude",
    "Claude Code",
    "@anthropic-ai/claude-code-linux-x64",
    "2.1.332",
    "@anthropic-ai/claude-code-linux-x64/claude",
    _prepare_claude,
    lambda world: {
        "ANTHROPIC_BASE_URL": world.model.base,
        "ANTHROPIC_API_KEY": KEY,
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    },
    prompts=("auto mode on", "? for shortcuts", "bypass"),
    headless=("-p", "hello there"),
    renew="/clear",
    speaks=Step(tool="Bash", arguments=_SAY),
)

# -- Codex ------------------------------------------------------------------------


def _prepare_codex(world: World) -> None:
    folder = world.home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(
        f"""\
model = "{FAKE}"
model_provider = "fake"
check_for_update_on_startup = false
[model_providers.fake]
name = "fake"
base_url = "{world.model.base}/v1"
env_key = "FAKE_KEY"
wire_api = "responses"
[projects."{world.project}"]
trust_level = "trusted"
"""
    )


CODEX: Final = Client(
    "codex",
    "Codex",
    "@openai/codex",
    "0.171.0",
    ".bin/codex",
    _prepare_codex,
    lambda _: {"FAKE_KEY": "x"},
    prompts=("? for shortcuts", "context left", "fake-1 "),
    dialogs=(("Hooks need review", ("2", "Enter")),),
    headless=(
        "exec",
        "--skip-git-repo-check",
        # Without a person nobody can trust the hooks.
        "--dangerously-bypass-hook-trust",
        "hello there",
    ),
    renew="/new",
    # Its shell cannot reach the relay.
    speaks=Step(tool="post", arguments={"text": SPOKEN}, namespace="mcp__argybargy"),
)

# -- opencode ---------------------------------------------------------------------


def _prepare_opencode(world: World) -> None:
    # It installs a package of its own beside plugins, which ours does not need.
    (world.home / ".npmrc").write_text(
        "registry=http://127.0.0.1:9/\nfetch-retries=0\n"
    )
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "fake",
        "options": {"baseURL": f"{world.model.base}/v1", "apiKey": "x"},
        "models": {FAKE: {"name": FAKE, "tool_call": True}},
    }
    write_json(
        world.home / ".config/opencode/opencode.json",
        {
            "model": f"fake/{FAKE}",
            "small_model": f"fake/{FAKE}",
            "autoupdate": False,
            "share": "disabled",
            "provider": {"fake": provider},
        },
    )


OPENCODE: Final = Client(
    "opencode",
    "opencode",
    "opencode-ai",
    "1.18.33",
    "opencode-linux-x64/bin/opencode",
    _prepare_opencode,
    lambda _: {
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
    },
    prompts=("Ask anything", "tab agents", "ctrl+p"),
    renew="/new",
    speaks=Step(tool="bash", arguments=_SAY),
)

# -- GitHub Copilot CLI -----------------------------------------------------------

COPILOT: Final = Client(
    "copilot",
    "GitHub Copilot CLI",
    "@github/copilot",
    "1.0.102",
    ".bin/copilot",
    lambda _: None,
    lambda world: {
        "COPILOT_OFFLINE": "true",
        "COPILOT_ALLOW_ALL": "true",
        "COPILOT_AUTO_UPDATE": "false",
        "COPILOT_PROVIDER_BASE_URL": f"{world.model.base}/v1",
        "COPILOT_PROVIDER_API_KEY": "x",
        "COPILOT_MODEL": FAKE,
    },
    prompts=("/ commands", "shift+tab", "for commands"),
    wakes_idle=False,
    headless=("-p", "hello there"),
    speaks=Step(tool="bash", arguments=_SAY),
    # As it is told to at the start of a session.
    arms=Step(
        tool="bash",
        arguments={
            "command": "argy wait",
            "mode": "async",
            "shellId": "wait",
            "description": "wait for messages",
        },
    ),
)

# -- Gemini CLI -------------------------------------------------------------------


def _prepare_gemini(world: World) -> None:
    write_json(
        world.home / ".gemini/settings.json",
        {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"disableAutoUpdate": True, "disableUpdateNag": True},
            "privacy": {"usageStatisticsEnabled": False},
        },
    )


GEMINI: Final = Client(
    "gemini",
    "Gemini CLI",
    "@google/gemini-cli",
    "0.61.0",
    ".bin/gemini",
    _prepare_gemini,
    lambda world: {
        "GEMINI_API_KEY": "fake",
        "GOOGLE_GEMINI_BASE_URL": world.model.base,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    },
    arguments=("-m", "gemini-2.5-pro"),
    prompts=("Type your message", "? for shortcuts"),
    wakes_idle=False,
    headless=("-m", "gemini-2.5-pro", "-p", "hello there"),
    speaks=Step(tool="mcp_argybargy_post", arguments={"text": SPOKEN}),
)

CLIENTS: Final = {
    client.key: client for client in (CLAUDE, CODEX, OPENCODE, COPILOT, GEMINI)
}
