"""The workflow for GitHub runs the project's own command, and is well formed."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from argybargy.settings.definitions import PREFIX
from support import postgres

ROOT = Path(__file__).parents[1]
COMMAND = ".ci/run"
# What GitHub accepts, of which the file uses a part; any other key is a mistake.
KEYS = {"name", "run-name", "on", "permissions", "env", "concurrency", "jobs"}
JOB_KEYS = {
    *("name", "needs", "if", "permissions", "runs-on", "container", "services", "env"),
    *("defaults", "strategy", "timeout-minutes", "concurrency", "steps", "outputs"),
}
STEP_KEYS = {
    *("id", "if", "name", "uses", "run", "with", "env", "shell", "timeout-minutes"),
    *("working-directory", "continue-on-error"),
}
EVENTS = {"push", "pull_request", "workflow_dispatch", "schedule"}


class Workflow(yaml.SafeLoader):
    """Reads `on` as a word, as GitHub does, and not as true."""


Workflow.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(params=sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=str)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(request.param.read_text(), Workflow)
    return found


def test_a_workflow_has_only_keys_that_github_knows(workflow: dict[str, Any]) -> None:
    assert workflow.keys() <= KEYS
    assert workflow["on"].keys() <= EVENTS
    assert workflow["jobs"]
    for job in workflow["jobs"].values():
        assert job.keys() <= JOB_KEYS
        assert {"runs-on", "steps"} <= job.keys()
        assert int(job["timeout-minutes"]) >= 20, (
            "the command may take ten on two cores"
        )
        for step in job["steps"]:
            assert step.keys() <= STEP_KEYS
            assert ("uses" in step) != ("run" in step)


def test_a_workflow_runs_the_one_command(workflow: dict[str, Any]) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [COMMAND]
    assert os.access(ROOT / COMMAND, os.X_OK)
    assert "uvx nox" in (ROOT / COMMAND).read_text()


def test_the_command_does_without_no_postgresql() -> None:
    assert f"export {postgres.NEEDED}=1\n" in (ROOT / COMMAND).read_text()
    # A relay of a test would refuse to start with a setting that it does not know.
    assert not postgres.NEEDED.startswith(PREFIX)


@pytest.mark.parametrize(
    ("value", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_postgresql_fails_its_tests_where_it_is_needed(
    value: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "find_or_install", lambda: None)
    monkeypatch.setenv(postgres.NEEDED, value)
    with pytest.raises(outcome, match="apt-get install postgresql"):
        postgres.need_programs()


def test_a_workflow_may_only_read_and_pins_what_it_uses(
    workflow: dict[str, Any],
) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for used in (step["uses"] for step in steps if "uses" in step):
        assert re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", used)
