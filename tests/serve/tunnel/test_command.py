"""Which program opens a tunnel, and which of its words are where that leads from."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.system.line_splitter import LINE_BYTES, LineSplitter

QUICK = TunnelCommand(("cloudflared",), is_quick=True)
OTHER = TunnelCommand(("other",), is_quick=False)
BOX = "2026-01-02T03:04:05Z INF |  https://four-plain-words-here.trycloudflare.com  |"


@pytest.mark.parametrize(
    ("line", "url"),
    [
        (BOX, "https://four-plain-words-here.trycloudflare.com"),
        ("https://a.trycloudflare.com.", "https://a.trycloudflare.com"),
        ("HTTPS is fine: https://A.TryCloudflare.com", "https://a.trycloudflare.com"),
        ("http://plain.trycloudflare.com", None),
        ("https://api.trycloudflare.com", None),
        ('failed: Post "https://api.trycloudflare.com/tunnel": timeout', None),
        ("https://www.cloudflare.com/website-terms/", None),
        ("https://a.trycloudflare.com.evil.example", None),
        ("https://evil.example/a.trycloudflare.com", None),
        ("https://me@a.trycloudflare.com", None),
        ("https://a.trycloudflare.com:8443", None),
        ("https://a.b.trycloudflare.com", None),
        ("https://-.trycloudflare.com", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_of_a_quick_tunnel_only_its_own_kind_of_url_is_taken(
    line: str, url: str | None
) -> None:
    assert QUICK.find_url(line) == url


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("your url is: https://brave-owl.loca.lt", "https://brave-owl.loca.lt"),
        ("url=https://a1b2.ngrok.example addr=x", "https://a1b2.ngrok.example"),
        ('{"url": "https://a.example:8443"}', "https://a.example:8443"),
        ("see https://example.com/docs or https://b.example", "https://b.example"),
        ("http://a.example", None),
        ("https://me:secret@a.example", None),
        ("https://a.example?x", None),
    ],
)
def test_of_another_tunnel_the_first_https_url_is_taken(
    line: str, url: str | None
) -> None:
    assert OTHER.find_url(line) == url


def test_a_command_is_told_where_the_relay_is_and_meets_no_shell() -> None:
    words = f"'{sys.executable}' --to {{url}} --port={{port}} '$(touch x)'; ls"
    command = TunnelCommand.parse(words, needs_url=True)
    assert command.leading_to("http://127.0.0.1:9").arguments == (
        sys.executable, "--to", "http://127.0.0.1:9", "--port=9", "$(touch x);", "ls",
    )  # fmt: skip


@pytest.mark.parametrize("words", ["", "no-such-program-anywhere", "'unended"])
def test_a_command_that_cannot_be_run_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"no program|quotation"):
        TunnelCommand.parse(words, needs_url=True)


def test_cloudflared_is_found_where_programs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert TunnelCommand.find_quick(is_tls=False) is None
    program = tmp_path / "cloudflared"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = TunnelCommand.find_quick(is_tls=False)
    assert found is not None
    assert found.name == "cloudflared"
    assert found.leading_to("http://127.0.0.1:9").arguments == (
        str(program), "tunnel", "--no-autoupdate", "--url", "http://127.0.0.1:9",
    )  # fmt: skip
    under_tls = TunnelCommand.find_quick(is_tls=True)
    assert under_tls is not None
    assert under_tls.arguments[-1] == "--no-tls-verify"


def split(parts: list[bytes]) -> list[str]:
    lines = LineSplitter()
    return [line for part in [*parts, b""] for line in lines.feed(part)]


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=20),
    st.integers(min_value=1, max_value=7),
)
def test_lines_are_the_same_however_the_output_arrives(
    parts: list[bytes], size: int
) -> None:
    whole = b"\n".join(parts)
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert split(chunks) == split([whole] if whole else [])


def test_of_a_line_that_never_ends_the_beginning_comes_once() -> None:
    lines = LineSplitter()
    chunk = b"x" * 1_000
    said = [line for _ in range(5_000) for line in lines.feed(chunk)]
    assert [len(line) for line in said] == [LINE_BYTES]
    assert list(lines.feed(b"more\nnext\n")) == ["next"]


def test_what_cannot_be_printed_is_left_out() -> None:
    assert split([b"\x1b[31mred\x00\xff\r\n"]) == ["[31mred �"]
