"""The project's chores: ``uvx nox`` runs what a change must pass."""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "layers", "tests", "browser", "docs", "e2e"]

PYTHON = "3.11"
# Those rules of flake8-async that ruff has no equal of. The optional ones about
# guaranteed checkpoints stay off: a read from memory is meant to have none.
ASYNC_RULES = (
    *("ASYNC101", "ASYNC102", "ASYNC103", "ASYNC104", "ASYNC107", "ASYNC111"),
    *("ASYNC112", "ASYNC113", "ASYNC118", "ASYNC119", "ASYNC120", "ASYNC121"),
    *("ASYNC122", "ASYNC123"),
)

# Tests run beside each other. Two cores are kept busy by three: many tests wait.
BESIDES = ("-n3", "--dist=worksteal")
QUICK_TESTS = ("tests/domain", "tests/relay", "tests/settings", "tests/test_imports.py")
QUICK = ("-m", "not e2e and not browser")


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
def lint(session: nox.Session) -> None:
    """Look for mistakes and for style."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    # Half a minute for what ruff has not; the tests make do with ruff.
    session.run("flake8", f"--select={','.join(ASYNC_RULES)}", "src")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check every type, those of the tests too."""
    _install(session, "types")
    session.run("mypy")


@nox.session(python=PYTHON)
def layers(session: nox.Session) -> None:
    """Check that imports go one way."""
    _install(session, "layers")
    session.run("lint-imports")


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """Run every test that starts no server of its own."""
    _install(session, "test")
    session.run("pytest", *BESIDES, *QUICK, *session.posargs)


@nox.session(python=PYTHON)
def quick(session: nox.Session) -> None:
    """Check format, lint rules, types, layers and the fast unit tests."""
    _install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("pytest", *BESIDES, *QUICK, *QUICK_TESTS, *session.posargs)


@nox.session(python=PYTHON)
def coverage(session: nox.Session) -> None:
    """Run the same tests, a third slower, and see that they reach the code."""
    _install(session, "test")
    session.run("pytest", *BESIDES, "--cov", *QUICK, *session.posargs)


@nox.session(python=PYTHON)
def browser(session: nox.Session) -> None:
    """Look at the dashboard as a person would, in Chromium."""
    _install(session, "test")
    session.run("pytest", *BESIDES, "-m", "browser", *session.posargs)


@nox.session(python=PYTHON)
def e2e(session: nox.Session) -> None:
    """Drive the real server over real sockets."""
    _install(session, "test")
    session.run("pytest", *BESIDES, "-m", "e2e", *session.posargs)


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Build the pages into docs/_build; a link that leads nowhere stops it."""
    _install(session, "docs")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-E", "docs", "docs/_build")


@nox.session(python=PYTHON)
def torture(session: nox.Session) -> None:
    """Prove the promises for a long time, and that each proof can fail."""
    _install(session, "test")
    session.run("argybargy", "torture", *(session.posargs or ["--minutes", "20"]))
    session.run("pytest", "-m", "long", "--run-long")
    session.run("pytest", "tests/torture", "--run-control", "-k", "found_out")


@nox.session(python=PYTHON)
def schema(session: nox.Session) -> None:
    """Hold a running relay to its own OpenAPI document, with Schemathesis."""
    _install(session, "schema")
    session.run("python", "tests/schema/run.py", *session.posargs)


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Measure a relay: CPU per operation, memory, and what it loses.

    Without arguments this one; ``-- --vs "<command>"`` puts another beside it.
    """
    _install(session, "test")
    ours = f"{session.virtualenv.location}/bin/argybargy serve"
    session.run("python", "tests/bench", "run", "--server", ours, *session.posargs)


@nox.session(python=PYTHON)
def mutants(session: nox.Session) -> None:
    """Change the rules one spot at a time, and name the changes no test notices."""
    _install(session, "test")
    session.run("python", "tests/mutants", *(session.posargs or ["--sample", "40"]))


@nox.session(python=PYTHON)
def container(session: nox.Session) -> None:
    """Build the image, start it confined, and try it; needs buildah and root."""
    _install(session, "test")
    session.run("python", "tests/container", *session.posargs)
