"""The torture command: plan, report and exit code."""

import json
from pathlib import Path

import pytest

from argybargy.cli.commands import torture_report
from argybargy.torture.harness import Promise, ProofEnvironment, ProofResult
from argybargy.torture.promises import PROMISES
from support.terminal import Terminal

KEPT = ProofResult("0 of 7 lost", {"posts": 7})
BROKEN = ProofResult("1 of 7 lost", {"posts": 7}, ("'x' was 3, is None",))


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> dict[str, ProofResult]:
    """Replace the proofs by ones that return this result, without a relay."""
    found: dict[str, ProofResult] = {}

    def made_up(promise: Promise) -> Promise:
        async def prove(stage: ProofEnvironment) -> ProofResult:
            assert stage.seconds > 0
            return found.get(promise.key, KEPT)

        return Promise(promise.key, promise.title, promise.text, prove)

    monkeypatch.setattr(torture_report, "PROMISES", tuple(map(made_up, PROMISES)))
    return found


@pytest.mark.usefixtures("findings")
def test_all_promises_are_tried_and_reported_in_a_table() -> None:
    typed = Terminal().type("torture", "--minutes", "0.1")
    assert typed.code == 0
    lines = typed.out.splitlines()
    assert len(lines) == 1 + len(PROMISES)
    assert lines[1].split("  ")[0] == "G1 durable"
    assert all(" yes " in line and line.endswith("0 of 7 lost") for line in lines[1:])
    assert "G11 secret: codes are hashed, shown once" in typed.talk


def test_a_broken_promise_is_spelled_out_and_fails(
    findings: dict[str, ProofResult],
) -> None:
    findings["G3"] = BROKEN
    typed = Terminal().type("torture", "--only", "g1, g3", "--quiet")
    assert typed.code == 1
    assert typed.talk.splitlines() == ["  BROKEN: 'x' was 3, is None"]
    assert [line.split()[0] for line in typed.out.splitlines()] == ["G1", "G3"]


def test_the_report_for_programs_has_every_figure(
    findings: dict[str, ProofResult],
) -> None:
    findings["G3"] = BROKEN
    typed = Terminal().type("torture", "--only", "G3", "--seed", "5", "--json")
    report = json.loads(typed.out)
    assert typed.code == 1
    assert report["seed"] == 5
    assert report["kept"] is False
    (promise,) = report["promises"]
    assert promise["facts"] == {"posts": 7}
    assert promise["faults"] == ["'x' was 3, is None"]


@pytest.mark.usefixtures("findings")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "G12"], "Unknown promise: G12."),
        (["--minutes", "0"], "--minutes must be more than 0."),
        (["--minutes", "nan"], "--minutes must be more than 0."),
        (["--keep", "."], ". is not empty."),
        (["--store", "http://x"], "--store must be a URL like postgresql://"),
    ],
)
def test_invalid_options_are_rejected_before_the_run(
    arguments: list[str], sentence: str
) -> None:
    typed = Terminal().type("torture", *arguments)
    assert typed.code == 2
    assert sentence in typed.talk


@pytest.mark.usefixtures("findings")
def test_kept_files_have_a_directory_for_each_promise(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    assert Terminal().type("torture", "--only", "G1", "--keep", str(keep)).code == 0
    assert (keep / "G1").is_dir()


def test_a_store_that_cannot_be_reached_is_told_before_the_run() -> None:
    url = "postgresql://ann:secret@/lab?host=/nowhere"
    typed = Terminal().type("torture", "--store", url)
    assert typed.code == 3
    assert "The store postgresql://ann:***@/lab cannot be used" in typed.talk
    assert "G1" not in typed.talk
