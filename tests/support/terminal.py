"""A fake terminal and environment for commands, with their output to assert on."""

import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date
from pathlib import Path
from typing import Any

import attrs

from argybargy.cli.client.protocol import LiveOperator, Work
from argybargy.cli.environment import Connect, Environment, Machine, Reach
from argybargy.cli.main import run
from argybargy.cli.options import RelayOptions
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.serve.run_plan import RunningRelay, RunPlan
from argybargy.serve.status import RelayStatus
from argybargy.settings.settings import Settings, parse_settings
from support.fake_operator import FakeOperator


@attrs.frozen
class Result:
    """Outcome of a command: exit code, standard output, standard error."""

    code: int
    out: str
    talk: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]


@attrs.define
class Terminal:
    """Runs commands in a fake environment.

    Attributes:
        operator: Fake relay behind the commands.
        yes: Answer to every question; ``None`` is a session without a terminal.
        answers: Answers to the next questions, before those of `yes`.
        environment: Environment variables.
        urls: Relay addresses that commands used.
        questions: Questions that were asked.
        served: Settings of relays that were started.
        plans: Run plans of relays that were started.
        reach: Replaces the fake relay by a real data directory.
        connect: Replaces the fake relay by a real one.
        has_colour: Whether the terminal has colours.
        typed: Standard input.
        read_input: Replaces the reader of standard input.
        seconds: Time of the fake clock; `sleep` advances it.
        today: Today's date, by default the date of the fakes' messages.
        columns: Width of the terminal; ``None`` without a terminal.
        serve: Exit code of a relay that is started.
        has_browser: Whether there is a browser.
        opened: Pages that were opened.
        program: What starts this program in the user's shell.
        anywhere: What starts it in any directory; empty if `program` does.
        token: Returns the admin token.
        packages: Python packages that are installed.
    """

    operator: FakeOperator = attrs.field(factory=FakeOperator)
    yes: bool | None = None
    answers: list[bool | None] = attrs.field(factory=list)
    environment: dict[str, str] = attrs.field(factory=dict)
    urls: list[str | None] = attrs.field(factory=list)
    questions: list[str] = attrs.field(factory=list)
    served: list[Settings] = attrs.field(factory=list)
    plans: list[RunPlan] = attrs.field(factory=list)
    reach: Reach | None = None
    connect: Connect | None = None
    serve: Callable[[], int] = attrs.field(default=lambda: 0)
    has_colour: bool = False
    typed: str = ""
    read_input: Callable[[int], str] | None = None
    seconds: float = 0.0
    today: date = date(2026, 1, 2)
    columns: int | None = None
    has_browser: bool = True
    opened: list[str] = attrs.field(factory=list)
    program: str = "argybargy"
    anywhere: str = ""
    token: Callable[[Settings], str] = attrs.field(default=lambda _: "the-token")
    packages: frozenset[str] = frozenset({"mcp"})

    def type(self, *arguments: str) -> Result:
        data, talk = io.StringIO(), io.StringIO()
        environment = Environment(
            output=Output(data, talk, has_colour=self.has_colour, columns=self.columns),
            settings=self._settings,
            reach=self.reach or self._reach,
            connect=self.connect or self._connect,
            find_token=self.token,
            serve=self._serve,
            confirm=None if self.yes is None else self._confirm,
            machine=Machine(
                now=lambda: self.seconds,
                sleep=self._sleep,
                times=LocalTimes(UTC, lambda: self.today),
                columns=lambda: self.columns,
                read_input=self.read_input or (lambda most: self.typed[:most]),
                read_pieces=lambda: iter([self.typed.encode()]),
            ),
            browse=self._browse,
            program=self.program,
            program_anywhere=self.anywhere,
            has_package=self.packages.__contains__,
        )
        code = run(arguments, environment)
        return Result(code, data.getvalue(), talk.getvalue())

    def _settings(self, overrides: Mapping[str, object]) -> Settings:
        return parse_settings(
            {"ARGYBARGY_DATA": str(Path.cwd()), **self.environment}, overrides
        )

    def _reach(
        self,
        settings: Settings,  # noqa: ARG002 - as the real one
        options: RelayOptions,
        work: Work,
        *,
        makes_data: bool = False,  # noqa: ARG002
    ) -> int:
        self.urls.append(options.url)
        return work(self.operator)

    def _connect(
        self,
        settings: Settings,  # noqa: ARG002 - as the real one
        options: RelayOptions,
        *,
        with_token: bool = True,  # noqa: ARG002
    ) -> LiveOperator:
        self.urls.append(options.url)
        return self.operator

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def _serve(self, settings: Settings, plan: RunPlan) -> int:
        self.served.append(settings)
        url = f"http://{settings.host}:{settings.port or 4321}"
        self.plans.append(plan)
        plan.announce(
            RunningRelay([url], self.operator.offer_link, lambda: RelayStatus(url))
        )
        return self.serve()

    def _browse(self, url: str) -> bool:
        if self.has_browser:
            self.opened.append(url)
        return self.has_browser

    def _confirm(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.answers.pop(0) if self.answers else bool(self.yes)
