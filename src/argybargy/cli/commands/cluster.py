"""The command that runs a cluster on this machine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

import attrs
from cyclopts import Parameter

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER

if TYPE_CHECKING:
    from argybargy.serve.cluster.cluster import ClusterPlan

# ruff: noqa: PLC0415 - the help of this command needs no server

MOST_NODES: Final = 8
_FOLDER: Final = "cluster"


def cluster(
    env: Environment,
    *,
    try_: Annotated[
        bool, Parameter(name="--try", help="Run all of it on this machine.")
    ] = False,
    nodes: Annotated[int, INTEGER] = 2,
    balancer: Literal["nginx", "caddy"] | None = None,
) -> int:
    """Try several relays on one PostgreSQL, behind a balancer, on this machine.

    It makes a private PostgreSQL in the data directory, starts the relays, and nginx or
    Caddy in front. One that dies is started again. Everything ends with Ctrl+C, and
    what was said is there at the next start.

    Example: argybargy cluster --try

    Args:
        nodes: Number of relays.
        balancer: The balancer. Default: nginx, or Caddy without nginx.
    """
    if not try_:
        text = "Several relays on several machines are set up one by one."
        hint = (
            "On this machine: argybargy cluster --try. Else see "
            "docs/how-to/several-nodes.md."
        )
        raise CliError(text, hint, Exit.USAGE)
    if not 1 <= nodes <= MOST_NODES:
        text = f"--nodes must be a whole number from 1 to {MOST_NODES}."
        raise CliError(text, code=Exit.USAGE)
    settings = env.read_settings()
    from argybargy.serve.cluster.cluster import ClusterPlan
    from argybargy.serve.cluster.programs import MissingProgramsError, find_programs

    try:
        programs = find_programs(balancer)
    except MissingProgramsError as error:
        hint = "\n".join(f"  {each}" for each in error.sentences)
        raise CliError("Not everything is installed:", hint) from None
    folder = settings.data.absolute() / _FOLDER
    out = env.output
    plan = ClusterPlan(folder, settings.port, programs, nodes, out.say)
    _run(env, plan)
    return Exit.OK


def _run(env: Environment, plan: "ClusterPlan") -> None:
    import trio

    from argybargy.serve.cluster.child import ClusterError
    from argybargy.serve.cluster.cluster import run_cluster
    from argybargy.store.errors import StoreError

    def announce(ports: Sequence[int]) -> None:
        _announce(env, plan, ports)

    error: BaseException
    try:
        trio.run(run_cluster, plan, announce)
    except (ClusterError, StoreError, OSError) as failed:
        error = failed
    except BaseExceptionGroup as group:
        only = group
        error = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if not isinstance(error, ClusterError | StoreError | OSError):
            raise only from None
    else:
        return
    raise CliError(str(error), f"The logs are in {plan.folder}.") from None


def _announce(env: Environment, plan: "ClusterPlan", ports: Sequence[int]) -> None:
    """Print the addresses of the cluster and the next commands."""
    from argybargy.cli.commands.serve_output import next_commands
    from argybargy.store.data_directory import find_server_address

    out = env.output
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    if out.is_json:
        facts = {"url": plan.url, "nodes": urls, "token_file": str(plan.token_file)}
        out.write_json(facts)
        out.data.flush()
        return
    here = env.read_settings(data=plan.folder)
    commands = next_commands(env, here, plan.port).in_any_directory
    first = find_server_address(plan.node_folder(1))
    killed = "" if first is None else f"kill -9 {first.pid}"
    attrs.evolve(out, typed=commands.typed).say(f"""\
The cluster is up.

  {plan.url} ({plan.programs.balancer_name}, in front of {len(urls)} relays)
  {" ".join(urls)}
  data and logs in {plan.folder}

In another terminal, open the dashboard, make a room, or connect a program:
  argybargy open
  argybargy room build
  argybargy connect claude --room build --write
Kill one of the relays, and see that nobody notices:
  {killed}

Ctrl+C stops all of it.""")
