"""A byte order mark of a file or of standard input is ignored."""

import io
import json
from codecs import BOM_UTF8
from pathlib import Path

import pytest

from argybargy.cli.client.http import read_token, read_token_file
from argybargy.cli.environment import Machine
from argybargy.cli.transfer.lines import read_file
from argybargy.domain.access_codes import ADMIN_PREFIX, format_code
from argybargy.serve.admin_token import FileAdminToken
from argybargy.settings.settings import parse_settings
from argybargy.web.codec.export_lines import FORMAT

TOKEN = format_code("t" * 32, ADMIN_PREFIX)


def marked(path: Path, text: str) -> Path:
    path.write_bytes(BOM_UTF8 + text.encode())
    return path


async def test_the_token_is_read_by_commands_and_by_the_relay(tmp_path: Path) -> None:
    path = marked(tmp_path / "admin.token", f"{TOKEN}\r\n")
    assert read_token_file(path) == TOKEN
    assert read_token(tmp_path) == TOKEN
    assert (await FileAdminToken.open(tmp_path)).value == TOKEN


def test_the_settings_are_read(tmp_path: Path) -> None:
    path = marked(tmp_path / "config.toml", "port = 9000\r\n")
    assert parse_settings({}, config=path).port == 9000
    assert parse_settings({"ARGYBARGY_CONFIG": str(path)}).port == 9000


def test_an_export_is_read(tmp_path: Path) -> None:
    rows = [
        {"type": "header", "format": FORMAT},
        {"type": "end", "messages": 0},
    ]
    path = marked(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert list(read_file(path)) == rows


def test_standard_input_is_posted_without_its_byte_order_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(BOM_UTF8 + "grüße\ufeff".encode()), "ascii")
    monkeypatch.setattr("sys.stdin", stdin)
    assert Machine.real().read_input(100) == "grüße\ufeff"
