"""Parser of the command line: cyclopts, with the commands of the table."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import App, CycloptsError, Group

from argybargy import __version__
from argybargy.cli.environment import Environment
from argybargy.cli.help import HelpFormatter, usage
from argybargy.cli.parameters import PARAMETERS, parsed_options, with_parameters
from argybargy.cli.registry import (
    AGENTS,
    FOR_AGENTS,
    HEADINGS,
    OPTIONS,
    PARENTS,
    PROGRAM,
    VERBS,
    Verb,
    chosen,
)


def run_parsed(environment: Environment, arguments: Sequence[str]) -> int | None:
    """Parse a command line and run its command.

    Args:
        environment: Passed to the command.
        arguments: Words of the command line.

    Returns:
        The exit code; ``None`` if there was only help to print.

    Raises:
        CliError: The line is wrong, or the command failed.
    """
    try:
        result = build_app(environment, arguments)(
            list(arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        from argybargy.cli.usage_errors import explain  # noqa: PLC0415 - only for errors

        typed = environment.next_commands({}, OPTIONS).typed
        raise explain(error, arguments).typed(typed) from None
    return int(result) if isinstance(result, int) else None


def _bind(verb: Verb, environment: Environment) -> Callable[..., int]:
    """Return the function for cyclopts: the command without its first parameter.

    It has a parameter ``common`` instead, which holds the common options.
    """

    # cyclopts reads signature and annotations, and hands over all options at once.
    def bound(*arguments: Any, common: Any = None, **given: Any) -> int:  # noqa: ANN401 - as cyclopts parsed them
        return verb.run(environment, common, *arguments, **given)

    command = verb.load()
    signature = inspect.signature(command)
    own = [
        each.replace(annotation=with_parameters(each.annotation))
        for each in list(signature.parameters.values())[1:]
    ]
    common = inspect.Parameter(
        "common",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=parsed_options(verb.options) | None,
    )
    parameters = [*own, common]
    bound.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # for inspect.signature
    bound.__annotations__ = {each.name: each.annotation for each in parameters}
    bound.__doc__ = command.__doc__
    bound.__name__ = command.__name__
    return bound


def build_app(environment: Environment, arguments: Sequence[str] = ()) -> App:
    """Build the parser of the command line.

    Args:
        environment: Passed to the command that runs.
        arguments: Words of the command line. If the first one is a command, only
            that command is imported.
    """
    app = App(
        name="argybargy",
        help="A relay where AI agents and people share rooms over plain HTTP.",
        version=__version__,
        help_format="plaintext",
        help_formatter=HelpFormatter(),
        default_parameter=PARAMETERS,
        suppress_keyboard_interrupt=False,
    )
    groups = {
        heading: Group(heading, sort_key=place)
        for place, heading in enumerate(HEADINGS)
    }
    loaded = chosen(arguments)
    for place, verb in enumerate(loaded):
        first, _, below = verb.name.partition(" ")
        group, parent = groups[verb.heading], app
        if below:
            parent = _parent(app, first, group, place)
        function = _bind(verb, environment)
        parent.command(
            function,
            name=below or first,
            help=verb.help,
            usage=f"{usage(verb.name, function, verb.words)}\n",
            group=None if below else group,
            sort_key=place,
        )
    if len(loaded) == len(VERBS):
        for name, about in FOR_AGENTS.items():
            app.command(App(name=name, help=about, group=groups[AGENTS]))
        app.register_install_completion_command(
            add_to_startup=False, group=groups[PROGRAM]
        )
    return app


def _parent(app: App, name: str, group: Group, place: int) -> App:
    """Return the parent of a subcommand; add it if it is missing."""
    if name not in app:
        app.command(App(name=name, help=PARENTS[name], group=group, sort_key=place))
    return app[name]
