"""opencode: one plugin file in the project, which it loads by itself."""

import json
from importlib.resources import files
from typing import Final

from argybargy.cli.agent_files.programs.setup import (
    Form,
    Program,
    ProgramFile,
    Root,
    Setup,
)


def _plugin(setup: Setup) -> str:
    text = (files(__package__ or "") / "opencode.js").read_text("utf-8")
    values = {"@COMMAND@": setup.command, "@SEAT@": setup.seat}
    for mark, value in values.items():
        text = text.replace(f'"{mark}"', json.dumps(value, ensure_ascii=False))
    return text


OPENCODE: Final = Program(
    "opencode",
    "opencode",
    (ProgramFile(Root.PROJECT, ".opencode/plugins/argybargy.js", Form.OWN, _plugin),),
)
