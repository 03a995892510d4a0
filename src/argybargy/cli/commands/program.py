"""Commands about this program: version, settings, shell completion."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from argybargy import __version__
from argybargy.cli.client.protocol import Json
from argybargy.cli.environment import Environment
from argybargy.cli.errors import Exit

if TYPE_CHECKING:
    from argybargy.settings.definitions import Setting
    from argybargy.settings.settings import Settings

_HEADS: Final = ("SETTING", "VALUE", "SOURCE")

Shell = Literal["bash", "zsh", "fish"]


def version(env: Environment) -> int:
    """Print the version of this program.

    Example: argybargy version
    """
    out = env.output
    if out.is_json:
        out.write_json({"version": __version__})
    else:
        out.write(__version__)
    return Exit.OK


def config_show(env: Environment) -> int:
    """Show every setting: its value and its source.

    Precedence: command line, environment variable, config.toml, default. Secrets are
    hidden.

    Example: argybargy config show --port 9000
    """
    from argybargy.settings.definitions import SETTINGS  # noqa: PLC0415 - it is slow
    from argybargy.settings.settings import config_path  # noqa: PLC0415

    out = env.output
    settings = env.read_settings()
    for warning in settings.warnings:
        out.warn(warning)
    rows = [_setting_row(settings, row) for row in SETTINGS]
    if out.is_json:
        out.write_json(rows)
    else:
        path = config_path()
        there = "" if path.is_file() else " (there is none)"
        out.say(f"Settings file: {path}{there}\n")
        table = [(row["name"], _shown(row["value"]), row["source"]) for row in rows]
        out.write_table(_HEADS, table)
    return Exit.OK


def completion(
    env: Environment,
    shell: Annotated[Shell, Parameter(help="bash, zsh or fish.")],
) -> int:
    """Print the completion script for a shell.

    'argybargy --install-completion' installs it.

    Example: argybargy completion bash

    Args:
        shell: The shell.
    """
    from argybargy.cli.parser import build_app  # noqa: PLC0415 - registry imports this module

    out = env.output
    script = build_app(env).generate_completion(shell=shell)
    if out.is_json:
        out.write_json({"shell": shell, "script": script})
    else:
        out.data.write(script)
    return Exit.OK


def _setting_row(settings: "Settings", row: "Setting") -> Json:
    value = getattr(settings, row.name)
    return {
        "name": row.name,
        "value": _json_value(value),
        "source": settings.source(row.name),
        "variable": row.variable,
        "help": row.help,
        "unit": row.unit,
    }


def _json_value(value: object) -> object:
    """Return a value for JSON: secrets are hidden, paths and hours are texts."""
    if isinstance(value, tuple):
        return [_json_value(each) for each in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def _shown(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
