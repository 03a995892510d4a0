"""Sizes of the rows. A round of one server with the defaults takes about 90 s."""

import attrs


@attrs.frozen
class Sizes:
    """Size of every row, by the name that ``--size`` takes.

    Attributes:
        seconds: Maximum duration of a row of requests.
        wait_seconds: Maximum time for which a reader's poll is parked.
        patience_seconds: Time after which an undelivered message counts as late.
        connections: Number of agents that send requests concurrently.
        rooms: Number of rooms in the row ``post``.
        polls: Immediate polls.
        posts: Posts of the rows ``post`` and ``one-room``.
        cap: Number of messages that a room keeps.
        full_posts: Posts into the full and into the empty room.
        histories: Requests for history.
        contenders: Number of agents that claim each question.
        questions: Open questions.
        pairs: Pairs that play ping-pong.
        rounds: Round trips of each pair.
        audience: Parked polls of the rows ``broadcast``, ``burst`` and ``direct``.
        broadcasts: Posts to the audience.
        directs: Direct messages to one of the audience.
        parked: Parked polls of the row ``parked``.
        parked_many: Parked polls of the row ``parked-20000``.
        idle_parked: Parked polls of the row ``idle``.
        idle_seconds: Duration of the measurement of the idle server.
        starts: Number of starts, and of calls of a command.
        state_rooms: Rooms of the row ``admin-state``.
        state_agents: Agents in each of them.
        state_messages: Messages in each of them.
        states: Requests for the overview.
        many_rooms: Rooms of the row ``many-rooms``.
        many_messages: Messages in each of them.
        many_codes: Access codes in all of them.
        long_messages: Messages in the room of the row ``long-room``.
        asked: Requests of each kind in these two rows.
    """

    seconds: float = 8.0
    wait_seconds: int = 3
    patience_seconds: float = 1.0
    connections: int = 32
    rooms: int = 8
    polls: int = 4_000
    posts: int = 2_000
    cap: int = 2_000
    full_posts: int = 600
    histories: int = 2_000
    contenders: int = 16
    questions: int = 100
    pairs: int = 8
    rounds: int = 100
    audience: int = 200
    broadcasts: int = 15
    directs: int = 60
    parked: int = 1_000
    parked_many: int = 20_000
    idle_parked: int = 5_000
    idle_seconds: float = 10.0
    starts: int = 3
    state_rooms: int = 50
    state_agents: int = 4
    state_messages: int = 40
    states: int = 40
    many_rooms: int = 1_000
    many_messages: int = 2_000
    many_codes: int = 5_000
    long_messages: int = 400_000
    asked: int = 200


QUICK = Sizes(
    seconds=3.0,
    polls=2_000,
    posts=1_000,
    full_posts=300,
    histories=1_000,
    questions=40,
    rounds=40,
    broadcasts=8,
    directs=30,
    parked=600,
    idle_seconds=5.0,
    starts=2,
    states=15,
    many_rooms=200,
    many_codes=1_000,
    long_messages=100_000,
    asked=100,
)
"""Sizes of ``--quick``: enough for figures that agree with a long run's."""

SMOKE = Sizes(
    seconds=0.5,
    wait_seconds=1,
    patience_seconds=0.3,
    polls=200,
    posts=100,
    cap=100,
    full_posts=30,
    histories=100,
    questions=5,
    rounds=4,
    audience=20,
    broadcasts=3,
    directs=5,
    parked=50,
    parked_many=200,
    idle_parked=100,
    idle_seconds=0.5,
    starts=1,
    state_rooms=5,
    state_messages=10,
    states=5,
    many_rooms=30,
    many_messages=20,
    many_codes=60,
    long_messages=600,
    asked=5,
)
"""Sizes of ``--smoke``, which only shows that every row works."""
