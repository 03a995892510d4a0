"""Limits: the single source for rules, manifest, settings and docs."""

from argybargy.system.values import frozen

MAX_SEQ = 2**53 - 1
"""The largest seq or cursor: what a JSON number holds exactly everywhere."""
MOST_TEXT_CHARS = 250_000
"""The most that `text_chars` can be set to."""
SLACK_MS = 24 * 3600 * 1000
"""Maximum lead of the clock of another relay: its time zone may be wrong."""


@frozen
class Limits:
    """The limits of one relay. ``0`` means "unlimited" only where noted.

    Attributes:
        text_chars: Longest message text, in characters.
        text_bytes: Longest message text, in bytes of UTF-8.
        addressees: Maximum names in one ``to``.
        choices: Maximum choices of a question.
        choice_chars: Longest choice of a question, in characters.
        called_peers: Maximum peers that a message to ``can:<word>`` reaches by their
            capability; one that would reach more is refused.
        idempotency_key_chars: Longest ``Idempotency-Key``.
        idempotency_seconds: How long a key is remembered.
        idempotency_keys_per_room: Maximum keys remembered per room; the oldest is
            forgotten first.
        capabilities_chars: Longest description of what an agent can do, by the
            operator.
        status_chars: Longest description of what an agent is doing.
        reason_chars: Longest reason for withdrawing a question.
        body_bytes: Largest request body.
        posts_per_window: Accepted posts of one peer per window.
        claims_per_window: Claim attempts of one peer per window.
        reads_per_window: Immediate reads of one peer per window: all but polls
            that park or bring something new.
        window_seconds: Length of the sliding window of the three above.
        wait_seconds: Longest time a poll stays parked.
        ask_wait_seconds: Longest time that a question waits for its answer in one
            request.
        hold_seconds: How long a poll with ``wake`` holds back other messages, unless it
            says otherwise.
        hold_seconds_max: Longest ``hold`` of a poll.
        settle_seconds_max: Longest ``settle`` of a poll.
        parked_polls_per_peer: Maximum polls of one peer parked at once; one more
            answers the oldest.
        poll_messages: Maximum messages in one answer to a poll.
        poll_bytes: Maximum bytes of text in one answer, after the first message.
        history_messages: Maximum messages in one answer of history.
        search_chars: Longest search, in characters.
        search_phrases: Maximum different words and quoted phrases in a search.
        search_reads: How many reads a search counts as.
        searches_per_peer: Searches of one peer that may be under way; one runs, the
            others wait for it, and more are answered 503.
        search_results: Maximum messages in one answer to a search.
        open_questions_per_peer: Questions of one peer in one room that may wait for an
            answer; one more, and the oldest is withdrawn.
        messages_per_room: Messages kept per room; ``0`` keeps all.
        tail_messages: Newest messages of a live room held in memory.
        tail_bytes: Maximum bytes of text in that tail.
        lease_seconds: How long a claim lasts unrenewed; ``0`` means unlimited.
        lease_seconds_max: Longest lease a claim may ask for.
        renewal_share: Share of its term by which a lease must move until a renewal is
            written, and by which it may end late; ``0`` on the only node of a store,
            which writes no renewals.
        online_seconds: How long after its last request a peer counts as online.
        idle_seconds: Silence after which polls say ``should_exit``; ``0`` means never.
        rooms: Maximum rooms that hold messages; ``0`` means unlimited.
        codes: Maximum codes at once; ``0`` means unlimited.
        rooms_per_code: Maximum rooms that one code opens.
        expired_code_seconds: How long a code that ran out stays listed.
        inbox_commands: Commands that may wait for one room task; more are
            answered 503.
        batch_commands: Maximum commands one room decides and commits together.
        live_room_seconds: How long a room nobody uses stays in memory.
        room_crashes_per_minute: Crashes of one room task after which the room
            answers 503 until the relay is restarted.
        auth_failures: Guesses at codes and tokens an address may make at once.
        auth_failure_seconds: Time after which an address may guess once more.
        auth_addresses: Addresses whose guesses are remembered.
        streams: Operators' streams open at once; one more is answered 503.
        wake_hooks: Agents with a wake hook; one more is refused.
        wake_calls: Calls of wake hooks under way at once; others wait for them.
        audit_rows: Rows kept in the audit log; the oldest go first.
        sessions: Sessions of the operator at once; one more ends the one that has
            been unused for longest.
        session_days: How many days a session lasts, used or not.
        sign_in_codes: One-time sign-in codes that may be open; one more makes the
            oldest worthless.
        sign_in_seconds: How long a sign-in code can be used, once.
        loop_turns: Answers of two agents to each other per `loop_window_seconds`; more
            are damped. ``0`` means that none are.
        loop_window_seconds: Length of the sliding window of `loop_turns`.
        damping_seconds: How long the first damping of two agents lasts; each further
            one lasts twice as long.
        damping_seconds_max: How long a damping lasts at most.
        loop_pairs_per_room: Pairs of agents whose answers are counted in one room;
            those that have been silent for longest are forgotten.
        invites: Invites that may be open; one more is refused.
        invites_kept: Invites that are remembered, ended ones included; the oldest
            ended ones are forgotten first.
        invite_seconds: How long an invite can be used, unless it says otherwise.
        invite_seconds_max: Longest time for which an invite can be used.
        guest_seconds: How long a guest may stay, unless its link says otherwise.
        guest_seconds_max: Longest time that a guest may stay.
        join_repeat_seconds: How long a join can be repeated with its
            ``Idempotency-Key``.
    """

    text_chars: int = 8_000
    text_bytes: int = 32 * 1024
    addressees: int = 16
    choices: int = 6
    choice_chars: int = 40
    called_peers: int = 64
    idempotency_key_chars: int = 128
    idempotency_seconds: int = 24 * 3600
    idempotency_keys_per_room: int = 10_000
    capabilities_chars: int = 400
    reason_chars: int = 200
    status_chars: int = 120
    body_bytes: int = 64 * 1024
    posts_per_window: int = 10
    claims_per_window: int = 60
    reads_per_window: int = 120
    window_seconds: float = 10.0
    wait_seconds: float = 25.0
    ask_wait_seconds: float = 50.0
    hold_seconds: int = 600
    hold_seconds_max: int = 86_400
    settle_seconds_max: float = 2.0
    parked_polls_per_peer: int = 4
    poll_messages: int = 100
    poll_bytes: int = 256 * 1024
    history_messages: int = 500
    search_chars: int = 200
    search_phrases: int = 16
    search_reads: int = 5
    searches_per_peer: int = 4
    search_results: int = 50
    open_questions_per_peer: int = 200
    messages_per_room: int = 2_000
    tail_messages: int = 1_000
    tail_bytes: int = 1024 * 1024
    lease_seconds: int = 900
    lease_seconds_max: int = 86_400
    renewal_share: float = 0.0
    online_seconds: float = 60.0
    idle_seconds: int = 1_800
    rooms: int = 0
    codes: int = 0
    rooms_per_code: int = 16
    expired_code_seconds: int = 30 * 86_400
    inbox_commands: int = 1_024
    batch_commands: int = 128
    live_room_seconds: float = 300.0
    room_crashes_per_minute: int = 3
    auth_failures: int = 10
    auth_failure_seconds: float = 6.0
    auth_addresses: int = 10_000
    streams: int = 64
    wake_hooks: int = 1_000
    wake_calls: int = 8
    audit_rows: int = 50_000
    sessions: int = 64
    session_days: float = 30.0
    sign_in_codes: int = 16
    sign_in_seconds: int = 600
    loop_turns: int = 12
    loop_window_seconds: float = 600.0
    damping_seconds: float = 60.0
    damping_seconds_max: float = 900.0
    loop_pairs_per_room: int = 256
    invites: int = 100
    invites_kept: int = 1_000
    invite_seconds: int = 900
    invite_seconds_max: int = 86_400
    join_repeat_seconds: int = 60
    guest_seconds: int = 86_400
    guest_seconds_max: int = 30 * 86_400
