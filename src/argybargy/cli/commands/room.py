"""The commands about rooms."""

import attrs

from argybargy.cli.client.answers import Invited, State
from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.commands.codes import ask_for_code, check_peer, check_room
from argybargy.cli.environment import Environment, read_url
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import fold
from argybargy.onboarding.brief import room_brief

_FOR_THE_OPERATOR = "operator for this room"


@attrs.frozen
class RoomPlan:
    """What is wanted of a room.

    Attributes:
        room: Its name.
        worker: What the agent in it is called.
        operator: What the one who runs it on the human's behalf is called.
        expires: How long both codes live.
        capabilities: What the worker can do.
        url: Where agents reach the relay, if not where it says.
    """

    room: str
    worker: str
    operator: str
    expires: str | None
    capabilities: str | None
    url: str | None

    def check(self) -> None:
        """Refuse a plan that no relay could carry out.

        Raises:
            CliError: A name cannot be had.
        """
        check_room(self.room)
        check_peer(self.worker, "Give the worker a shorter or other name: --worker.")
        check_peer(
            self.operator, "Give the operator a shorter or other name: --operator."
        )
        if fold(self.worker) == fold(self.operator):
            text = "Worker and operator have the same name, so neither would hear the "
            hint = "Give them two: --worker and --operator."
            raise CliError(text + "other.", hint, Exit.USAGE)


@attrs.frozen
class ReadyRoom:
    """A room that was made, with what goes to whom.

    Attributes:
        url: Where agents reach the relay.
        worker: The relay's answer to the worker's invitation.
        operator: The relay's answer to the operator's.
        brief: What to paste into the worker's prompt.
        revoked: Key ids of the older codes that were taken back.
    """

    url: str
    worker: Invited
    operator: Invited
    brief: str
    revoked: tuple[str, ...]


def room(
    env: Environment,
    name: str,
    *,
    worker: str | None = None,
    operator: str | None = None,
    url: str | None = None,
    expires: str | None = None,
    capabilities: str | None = None,
) -> int:
    """Make a room, and print a text to paste into an agent's prompt.

    It makes two codes: one for the worker, which is in the text, and one for
    whoever runs the room on your behalf. Doing it again replaces both codes.

    Example: argybargy room migration-review --expires 1d

    Args:
        name: The room.
        worker: What the agent is called; the room's name and '-worker' if not said.
        operator: What its operator is called; likewise, with '-operator'.
        url: How agents reach the relay, for the text that they are given.
        expires: How long both codes live: 10m, 1h, 1d, 1w or 1mo; a bare number is
            hours; never or 0 is without end.
        capabilities: What the worker can do, in a few words.
    """
    out = env.output
    plan = RoomPlan(
        room=name,
        worker=worker or f"{name}-worker",
        operator=operator or f"{name}-operator",
        expires=expires,
        capabilities=capabilities,
        url=url and read_url(url),
    )
    plan.check()

    times = env.machine.times

    def work(client: Operator) -> int:
        show_room(out, plan, make_room(client, plan, times), times)
        return Exit.OK

    return env.prepare(work)


def make_room(client: Operator, plan: RoomPlan, times: LocalTimes) -> ReadyRoom:
    """Open a room and make its two codes, in the place of older ones.

    The older codes go last: until the new ones are there, they are all there is.

    Raises:
        CliError: The room is closed, or the relay refuses.
    """
    state = State.read(client.call("GET", "/admin/state"))
    state.refuse_closed(plan.room, times)
    client.call("POST", f"/admin/rooms/{plan.room}/open", {})
    worker = _invite(client, plan, plan.worker, plan.capabilities)
    try:
        operator = _invite(client, plan, plan.operator, _FOR_THE_OPERATOR)
    except CliError:
        # Nobody will ever be shown the first one.
        revoke_code(client, worker.key_id)
        raise
    older = state.codes_in(plan.room, {plan.worker, plan.operator})
    for key_id in older:
        revoke_code(client, key_id)
    base = plan.url or worker.url
    brief = room_brief(base, worker.room, worker.name, worker.code, state.limits)
    return ReadyRoom(base, worker, operator, brief, older)


def _invite(
    client: Operator, plan: RoomPlan, name: str, capabilities: str | None
) -> Invited:
    answer = ask_for_code(client, name, plan.room, plan.expires, capabilities)
    return Invited.read(answer, name=name, room=plan.room)


def revoke_code(client: Operator, key_id: str) -> None:
    """Take a code back, by its key id."""
    client.call("POST", "/admin/revoke", {"target": key_id})


def show_room(out: Output, plan: RoomPlan, ready: ReadyRoom, times: LocalTimes) -> None:
    """Print the brief as data, and say the rest."""
    if out.is_json:
        out.write_json(_room_json(ready))
        return
    worker, operator = ready.worker, ready.operator
    end = "do not run out"
    if worker.expires:
        end = f"run out at {times.show(worker.expires)}"
    out.say(
        f"Room {worker.room} is open at {ready.url}. "
        f"The codes are shown this once; they {end}."
    )
    if ready.revoked:
        out.warn(
            f"The room had codes for {plan.worker} or {plan.operator}: they are "
            f"revoked ({', '.join(ready.revoked)}). Use the new ones."
        )
    out.warn(f"Code for {operator.name}, who runs the room for you: {operator.code}")
    out.say(f"Paste this into the prompt of {worker.name}:\n")
    out.write(ready.brief)


def _room_json(ready: ReadyRoom) -> Json:
    return {
        "room": ready.worker.room,
        "url": ready.url,
        "worker": {**attrs.asdict(ready.worker), "url": ready.url},
        "operator": {**attrs.asdict(ready.operator), "url": ready.url},
        "brief": ready.brief,
        "revoked": list(ready.revoked),
    }
