"""Checks and chores: ``uvx nox`` runs everything that a change must pass.

``docs/how-to/work-on-it.md`` has a table of the sessions.
"""

import os
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
# Two sessions run at once, in this order: what computes beside what waits.
nox.options.parallel = 2
nox.options.sessions = ["types", "lint", "layers", "docs", "browser", "tests", "e2e"]

PYTHON = "3.11"
# The rules of flake8-async that ruff lacks. The optional ones about guaranteed
# checkpoints stay off: a read from memory has none on purpose.
ASYNC_RULES = (
    *("ASYNC101", "ASYNC102", "ASYNC103", "ASYNC104", "ASYNC107", "ASYNC111"),
    *("ASYNC112", "ASYNC113", "ASYNC118", "ASYNC119", "ASYNC120", "ASYNC121"),
    *("ASYNC122", "ASYNC123"),
)

# The rules concern a `yield` or an `await` at the wrong place of an async function, and
# nurseries and scopes. In other files it is only about catching `Cancelled`. A file
# without these words breaks no rule: the check takes a quarter of a second for each.
ASYNC_WORDS = re.compile(r"\b(?:async|await|trio)\b")
ASYNC_PLACES = re.compile(
    r"\b(?:yield|finally|except|exceptions|aclose|__aenter__|__aexit__)\b"
    r"|(?i:nursery|start_soon|taskgroup|task_group|scope|move_on|fail_a|cancelled)"
)
CATCHES_ALL = re.compile(r"except\s*:|BaseException|Cancelled|get_cancelled")

# One environment serves most sessions: each of its own had to be compiled again.
alone = partial(nox.session, venv_backend="none", requires=["environment"])
shared = partial(alone, allow_parallel=True)

# Processes of pytest while another session runs. Tests of servers wait a lot, and run
# last. `-- -n 3` is faster for a session alone.
WORKERS = {"e2e": "-n3", "cluster": "-n3"}
IN_PROCESS = ("-m", "not e2e and not browser and not cluster")
QUICK_TESTS = (
    *("tests/domain", "tests/settings", "tests/relay"),
    *("tests/test_imports.py", "tests/test_source.py"),
)


def _pytest(session: nox.Session, *options: str, among: Iterable[Path] = ()) -> None:
    """Run tests: those that the session's arguments name, else those in `among`."""
    chosen = [a for a in session.posargs if Path(a.partition("::")[0]).exists()]
    folders = () if chosen else map(str, among)
    workers = (WORKERS.get(session.name, "-n2"), "--dist=worksteal")
    _run(session, "pytest", *workers, *options, *folders, *session.posargs)


def _marked(mark: str) -> list[Path]:
    """Return the test files with a mark: to import the others takes half a minute."""
    named = f"pytest.mark.{mark}"
    files = sorted(Path("tests").rglob("test_*.py"))
    return [path for path in files if named in path.read_text()]


def _folder(session: nox.Session) -> Path:
    """Return the folder of the environment that most sessions share."""
    return session.cache_dir.parent / "environment"


def _run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of the shared environment."""
    folder = _folder(session) / "bin"
    found = folder / program
    variables = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",  # noqa: TID251
        "VIRTUAL_ENV": str(folder.parent),
        # Where bytecode is not kept, each process compiles everything for itself: that
        # took a sixth of the time.
        "PYTHONDONTWRITEBYTECODE": None,
    }
    command = str(found) if found.exists() else program
    session.run(command, *arguments, env=variables, external=True)


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project as it is pinned, with these dependency groups."""
    named = [f"--group={group}" for group in groups]
    session.run_install(
        "uv",
        "sync",
        "--quiet",
        *named,
        f"--python={session.virtualenv.location}",
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


@nox.session(python=PYTHON)
def environment(session: nox.Session) -> None:
    """Create the environment of the other sessions, once for all."""
    _install(session, "dev")


@shared()
def lint(session: nox.Session) -> None:
    """Check lint rules and formatting."""
    _run(session, "ruff", "check", ".")
    _run(session, "ruff", "format", "--check", ".")
    # On src only: ruff covers the tests well enough.
    sources = [
        str(path)
        for path in sorted(Path("src").rglob("*.py"))
        if _can_break_async_rules(path.read_text())
    ]
    enabled = f"--enable={','.join(ASYNC_RULES)}"
    listed = Path(session.create_tmp()) / "sources"
    listed.write_text("\n".join(sources))
    halves = f"xargs -P 2 -n {len(sources) // 2 + 1} flake8-async {enabled} < {listed}"
    _run(session, "sh", "-c", halves)


def _can_break_async_rules(source: str) -> bool:
    """Return whether flake8-async can find anything in a file."""
    is_async = ASYNC_WORDS.search(source) and ASYNC_PLACES.search(source)
    return bool(is_async or CATCHES_ALL.search(source))


@shared()
def types(session: nox.Session) -> None:
    """Check types: all on Linux, and the sources for macOS and Windows."""
    _run(session, "mypy")
    for platform in ("darwin", "win32"):
        # Each keeps a cache of its own. Code after a check of the platform may be
        # unreachable on another.
        cache = f"--cache-dir=.mypy_cache/{platform}"
        where = f"--platform={platform}"
        _run(session, "mypy", where, cache, "--no-warn-unreachable", "src")


@shared()
def layers(session: nox.Session) -> None:
    """Check the import layers."""
    _run(session, "lint-imports")


@shared()
def tests(session: nox.Session) -> None:
    """Run every test that needs no browser and no server process."""
    _pytest(session, *IN_PROCESS)


@alone()
def quick(session: nox.Session) -> None:
    """Check format, lint rules, types, layers and the fast unit tests.

    Left out: flake8-async, docs, browser, e2e, three of four generated examples, and
    the tests of the stores, http, web, serve and cli.
    """
    _run(session, "ruff", "check", ".")
    _run(session, "ruff", "format", "--check", ".")
    _run(session, "mypy")
    _run(session, "lint-imports")
    few = "--hypothesis-profile=quick"
    _pytest(session, few, *IN_PROCESS, *QUICK_TESTS)


@alone()
def coverage(session: nox.Session) -> None:
    """Run `tests` with branch coverage; fail below the floor."""
    _pytest(session, "--cov", *IN_PROCESS)


@shared()
def browser(session: nox.Session) -> None:
    """Test the dashboard in Chromium."""
    _pytest(session, "-m", "browser", among=_marked("browser"))


@shared()
def e2e(session: nox.Session) -> None:
    """Test the real server over real sockets."""
    _pytest(session, "-m", "e2e", among=_marked("e2e"))


@alone()
def cluster(session: nox.Session) -> None:
    """Test two server processes on one PostgreSQL; without one, fail."""
    session.env["TESTS_NEED_POSTGRES"] = "1"
    _pytest(session, "-m", "cluster", among=_marked("cluster"))


@shared()
def docs(session: nox.Session) -> None:
    """Build the pages into docs/_build; a dead link is an error."""
    strict = ("-q", "-W", "--keep-going", "-E")
    _run(session, "sphinx-build", *strict, "docs", "docs/_build")


@alone()
def release(session: nox.Session) -> None:
    """Build the archives, try them on each Python; write notes and an SBOM."""
    _run(session, "python", "tests/release", *session.posargs)


@alone()
def torture(session: nox.Session) -> None:
    """Run the proofs for a long time, and against relays that break each promise."""
    _run(session, "argybargy", "torture", *(session.posargs or ["--minutes", "20"]))
    _run(session, "pytest", "-m", "long", "--run-long")
    _run(session, "pytest", "tests/torture", "--run-control", "-m", "control")


@nox.session(python=PYTHON)
def schema(session: nox.Session) -> None:
    """Test a running relay against its OpenAPI document, with Schemathesis."""
    _install(session, "schema")
    session.run("python", "tests/schema/run.py", *session.posargs)


@alone()
def bench(session: nox.Session) -> None:
    """Measure a relay: CPU per operation, memory, lost messages.

    ``-- --vs "<command>"`` compares it with another server, ``-- --against main`` with
    another commit.
    """
    ours = f"{_folder(session)}/bin/argybargy serve"
    _run(session, "python", "tests/bench", "run", "--server", ours, *session.posargs)


@alone()
def mutants(session: nox.Session) -> None:
    """Run mutation tests on the rules of a room; list the survivors."""
    _run(session, "python", "tests/mutants", *(session.posargs or ["--sample", "40"]))


@alone()
def container(session: nox.Session) -> None:
    """Build the image and test it confined; needs buildah and root."""
    _run(session, "python", "tests/container", *session.posargs)


@alone()
def harness(session: nox.Session) -> None:
    """Try real agent programs of npm against a fake model; needs npm and tmux.

    About 1.5 GB of programs are installed into the folder of the session. Arguments
    after ``--``: ``--write`` writes the page of the docs, ``claude codex`` tries some.
    """
    folder = f"{session.create_tmp()}/programs"
    _run(session, "python", "tests/harness", "--folder", folder, *session.posargs)
