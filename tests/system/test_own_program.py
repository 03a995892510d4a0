"""What starts this program in the shell of its user."""

from pathlib import Path

import pytest

from argybargy.system.own_program import find_program, find_program_anywhere


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".venv" / "bin").mkdir(parents=True)
    script = tmp_path / "project" / ".venv" / "bin" / "argybargy"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return tmp_path / "project" / ".venv"


def find(prefix: Path, directory: Path, script: str = "", **environment: str) -> str:
    given = script or str(prefix / "bin" / "argybargy")
    return find_program(given, {"PATH": "/nowhere", **environment}, directory, prefix)


def test_the_program_on_the_path_is_named_alone(prefix: Path) -> None:
    assert find(prefix, Path("/"), PATH=f"/nowhere:{prefix}/bin") == "argybargy"


def test_a_link_on_the_path_leads_to_the_program(prefix: Path) -> None:
    (prefix.parent / "argybargy").symlink_to(prefix / "bin" / "argybargy")
    assert find(prefix, Path("/"), PATH=str(prefix.parent)) == "argybargy"


@pytest.fixture
def uv(tmp_path: Path) -> dict[str, str]:
    """Return the variables that a command of ``uv run`` has."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "uv").chmod(0o755)
    path = f"{tmp_path}/project/.venv/bin:{tmp_path}/bin"
    return {"PATH": path, "UV_RUN_RECURSION_DEPTH": "1"}


def test_under_uv_run_the_command_is_uv_run(prefix: Path, uv: dict[str, str]) -> None:
    """`uv run` puts the environment on the path of its command, and of no other."""
    (prefix.parent / "pyproject.toml").touch()
    (prefix.parent / "src").mkdir()
    for directory in (prefix.parent, prefix.parent / "src"):
        assert find(prefix, directory, **uv) == "uv run argybargy"


def test_in_another_project_uv_run_is_told_the_project(
    prefix: Path, uv: dict[str, str], tmp_path: Path
) -> None:
    (prefix.parent / "pyproject.toml").touch()
    (tmp_path / "theirs").mkdir()
    expected = f"uv run --project {prefix.parent} argybargy"
    assert find(prefix, tmp_path / "theirs", **uv) == expected
    for text in ("", "[project]\nname = 'theirs'", "no TOML", "project = 1"):
        (tmp_path / "theirs" / "pyproject.toml").write_text(text)
        assert find(prefix, tmp_path / "theirs", **uv) == expected


def test_the_environment_of_the_project_may_be_elsewhere(
    prefix: Path, uv: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "clone").mkdir()
    named = "[project]\nname = 'argybargy'\n"
    (tmp_path / "clone" / "pyproject.toml").write_text(named)
    assert find(prefix, tmp_path / "clone", **uv) == "uv run argybargy"


def test_a_uv_that_is_not_on_the_path_is_not_named(
    prefix: Path, uv: dict[str, str]
) -> None:
    """`pipx run uv run argybargy` has one that the next command does not find."""
    (prefix.parent / "pyproject.toml").touch()
    uv["PATH"] = f"{prefix}/bin"
    assert find(prefix, prefix.parent, **uv) == ".venv/bin/argybargy"


@pytest.mark.parametrize(
    ("program", "anywhere"),
    [
        ("argybargy", "argybargy"),
        ("/opt/argybargy", "/opt/argybargy"),
        ("'/my tools/argybargy'", "'/my tools/argybargy'"),
        ("/opt/python -m argybargy", "/opt/python -m argybargy"),
        ("uv run --project /clone argybargy", "uv run --project /clone argybargy"),
        ("uv run argybargy", "uv run --project '{}' argybargy"),
        (".venv/bin/argybargy", "'{}/.venv/bin/argybargy'"),
    ],
)
def test_a_command_for_any_directory_names_the_whole_path(
    tmp_path: Path, program: str, anywhere: str
) -> None:
    clone = tmp_path / "my clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    found = find_program_anywhere(program, clone)
    assert found == anywhere.format(clone)


def test_elsewhere_the_program_has_its_path(prefix: Path, tmp_path: Path) -> None:
    assert find(prefix, prefix.parent) == ".venv/bin/argybargy"
    whole = str(prefix / "bin" / "argybargy")
    assert find(prefix, Path("/usr")) == whole
    assert find(prefix, tmp_path, UV_RUN_RECURSION_DEPTH="1") == (
        "project/.venv/bin/argybargy"
    )
    assert find(prefix, prefix / "bin") == "argybargy"
    assert find(prefix, prefix / "lib") == whole


def test_another_program_of_that_name_on_the_path_is_not_this_one(
    prefix: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "argybargy"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    found = find(prefix, Path("/usr"), PATH=str(other.parent))
    assert found == str(prefix / "bin" / "argybargy")


def test_a_module_is_the_script_beside_it(prefix: Path) -> None:
    module = "/lib/argybargy/__main__.py"
    assert find(prefix, Path("/usr"), module) == str(prefix / "bin" / "argybargy")
    assert find(prefix, Path("/usr"), module, PATH=f"{prefix}/bin") == "argybargy"


def test_a_module_without_a_script_is_run_by_python(tmp_path: Path) -> None:
    found = find(tmp_path, Path("/usr"), "/lib/argybargy/__main__.py")
    assert found == f"{tmp_path}/bin/python -m argybargy"
