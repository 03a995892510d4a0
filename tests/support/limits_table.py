"""Tables of all bounds with their tests, and of all collections with their bounds.

Bounds are attributes of `Limits` and `ConnectionLimits`, or constants of one module.
The page of limits is generated from these tables, and ``test_limits.py`` compares them
with the source.
"""

from typing import Any, Final

import attrs

from argybargy.agent import seat, spool
from argybargy.domain import (
    capabilities,
    durations,
    limits,
    nudging,
    roster,
    wake_hooks,
)
from argybargy.domain import nearest as nearest_word
from argybargy.domain import notifications as notification_rules
from argybargy.domain import readers as readers_rule
from argybargy.domain.room import calling, claims, open_close, posting, transition
from argybargy.relay import clock, housekeeping, lifecycle, offboarding, write_behind
from argybargy.relay.access import (
    code_lifetimes,
    concurrency_limit,
    issued_secrets,
    presence,
)
from argybargy.relay.api import agent, stream_cursor
from argybargy.relay.notifications import outbox
from argybargy.relay.notifications import registry as notification_registry
from argybargy.relay.nudges import call, unread
from argybargy.relay.overview import change_log, damped_pairs, overview
from argybargy.relay.room import commits_ahead, delivery_report, task
from argybargy.serve import main, metrics_listener
from argybargy.settings import notify_parsers
from argybargy.store import reader_pool, write_queue
from argybargy.store.memory import commit_log
from argybargy.store.memory import store as memory
from argybargy.store.postgres import hints as postgres_hints
from argybargy.store.postgres import search as postgres_search
from argybargy.store.postgres import store as postgres_store
from argybargy.store.sqlite import connection, readers, row_validation, store
from argybargy.store.sqlite.backup import snapshot, superseded
from argybargy.store.sqlite.search import index, index_tables
from argybargy.store.sqlite.search import query as sqlite_search
from argybargy.web import access_log, ignored
from argybargy.web.access import answer_links, sessions
from argybargy.web.codec import decode, import_lines
from argybargy.web.endpoints import operator
from argybargy.web.mcp import tools as mcp_tools


@attrs.frozen
class Constant:
    """A bound of one module.

    Attributes:
        name: Name of the constant.
        module: Its module.
        what: The bounded quantity, as on the page of limits.
        proof: Name of the test that reaches the bound.
    """

    name: str
    module: Any
    what: str
    proof: str


_REFUSED = "http/test_refusals.py::test_a_bad_request_is_refused_with_a_reason"
_BAD_POSTS = "web/codec/test_bad_input.py::test_invalid_posts_store_nothing"
_BAD_OPTIONS = (
    "web/endpoints/test_poll_options.py::test_an_invalid_option_says_what_is_valid"
)
_MODEL = (
    "domain/room/test_model.py::"
    "test_a_room_agrees_with_the_model_and_its_writes_rebuild_it"
)
_PAGES = (
    "store/test_contract.py::test_a_page_is_cut_by_bytes_but_one_message_always_fits"
)

PROOFS: Final = {
    "Limits.text_chars": _BAD_POSTS,
    "Limits.text_bytes": _BAD_POSTS,
    "Limits.addressees": _BAD_POSTS,
    "Limits.choices": _BAD_POSTS,
    "Limits.choice_chars": _BAD_POSTS,
    "Limits.called_peers": (
        "domain/room/test_calling.py::test_too_many_capable_peers_are_refused"
    ),
    "Limits.idempotency_key_chars": (
        "web/codec/test_bad_input.py::test_invalid_idempotency_keys_are_rejected"
    ),
    "Limits.idempotency_seconds": (
        "domain/room/test_posting.py::test_an_idempotency_key_expires"
    ),
    "Limits.idempotency_keys_per_room": (
        "domain/room/test_posting.py::test_the_oldest_idempotency_key_is_dropped_beyond_the_limit"
    ),
    "Limits.capabilities_chars": (
        "web/codec/test_bad_input.py::test_invalid_operator_requests_change_nothing"
    ),
    "Limits.reason_chars": (
        "web/endpoints/test_withdrawing.py::test_a_reason_is_one_short_line"
    ),
    "Limits.status_chars": (
        "web/endpoints/test_me.py::test_an_invalid_statement_changes_nothing"
    ),
    "Limits.wake_hooks": (
        "relay/nudges/test_service.py::test_more_hooks_than_the_limit_are_refused"
    ),
    "Limits.wake_calls": (
        "relay/nudges/test_service.py::test_calls_at_once_are_bounded"
    ),
    "Limits.body_bytes": _BAD_POSTS,
    "Limits.posts_per_window": (
        "web/endpoints/test_agents.py::test_the_rate_limit_says_how_long_to_wait"
    ),
    "Limits.claims_per_window": (
        "web/endpoints/test_limits.py::test_claims_of_one_peer_are_limited"
    ),
    "Limits.reads_per_window": (
        "relay/api/test_poll.py::test_too_many_immediate_reads_are_refused"
    ),
    "Limits.window_seconds": (
        "domain/test_rate_limit.py::test_no_window_ever_holds_more_than_the_limit"
    ),
    "Limits.wait_seconds": (
        "web/endpoints/test_limits.py::test_the_wait_of_a_poll_is_limited"
    ),
    "Limits.ask_wait_seconds": (
        "web/endpoints/test_ask.py::test_the_wait_of_a_question_is_limited"
    ),
    "Limits.hold_seconds": (
        "web/endpoints/test_poll_options.py::test_messages_are_held_for_ten_minutes"
    ),
    "Limits.hold_seconds_max": _BAD_OPTIONS,
    "Limits.settle_seconds_max": _BAD_OPTIONS,
    "Limits.parked_polls_per_peer": (
        "relay/api/test_poll.py::test_a_fifth_poll_of_one_peer_displaces_its_oldest"
    ),
    "Limits.poll_messages": (
        "web/endpoints/test_limits.py::test_messages_of_a_poll_are_limited"
    ),
    "Limits.poll_bytes": _PAGES,
    "Limits.history_messages": (
        "web/endpoints/test_limits.py::test_history_is_limited"
    ),
    "Limits.search_chars": (
        "web/endpoints/test_search.py::test_an_invalid_search_is_a_422_for_agents_and_operator"
    ),
    "Limits.search_phrases": (
        "domain/search/test_query.py::"
        "test_an_invalid_query_is_refused_without_repeating_it"
    ),
    "Limits.search_reads": (
        "web/endpoints/test_search.py::test_a_search_counts_as_several_reads"
    ),
    "Limits.searches_per_peer": (
        "relay/api/test_search.py::"
        "test_searches_of_one_peer_run_one_at_a_time_beside_those_of_others"
    ),
    "Limits.search_results": (
        "web/endpoints/test_search.py::test_search_results_are_limited"
    ),
    "Limits.open_questions_per_peer": (
        "domain/room/test_open_questions.py::"
        "test_of_too_many_open_questions_of_one_peer_the_oldest_is_withdrawn"
    ),
    "Limits.messages_per_room": (
        "relay/api/test_poll.py::test_a_gap_by_retention_is_reported"
    ),
    "Limits.tail_messages": _MODEL,
    "Limits.tail_bytes": _MODEL,
    "Limits.lease_seconds": (
        "domain/room/test_claims.py::"
        "test_a_lease_has_the_requested_length_on_both_clocks"
    ),
    "Limits.lease_seconds_max": (
        "web/endpoints/test_limits.py::test_a_lease_is_limited"
    ),
    "Limits.renewal_share": (
        "domain/room/test_following.py::"
        "test_a_renewal_is_written_once_it_moves_the_lease_by_a_tenth_of_its_term"
    ),
    "Limits.online_seconds": (
        "web/endpoints/test_stream.py::test_a_silent_peer_goes_offline_in_a_delta"
    ),
    "Limits.idle_seconds": (
        "relay/api/test_poll.py::test_own_posts_and_posts_of_others_reset_the_idle_time"
    ),
    "Limits.rooms": (
        "relay/room/test_task.py::test_the_first_message_counts_against_the_room_quota"
    ),
    "Limits.rooms_per_code": (
        "web/endpoints/test_many_rooms.py::test_an_invalid_list_of_rooms_makes_no_code"
    ),
    "Limits.codes": ("web/endpoints/test_limits.py::test_codes_are_limited"),
    "Limits.expired_code_seconds": (
        "web/endpoints/test_limits.py::test_an_expired_code_is_listed_for_a_while"
    ),
    "Limits.inbox_commands": (
        "relay/room/test_task.py::test_a_full_inbox_refuses_with_busy_and_keeps_no_command"
    ),
    "Limits.batch_commands": (
        "relay/room/test_batch.py::test_the_size_of_a_batch_is_bounded"
    ),
    "Limits.live_room_seconds": (
        "relay/room/test_task.py::test_an_idle_room_is_evicted_and_reloaded_unchanged"
    ),
    "Limits.room_crashes_per_minute": (
        "relay/room/test_task.py::test_only_the_room_that_keeps_crashing_fails"
    ),
    "Limits.auth_failures": (
        "web/endpoints/test_agents.py::"
        "test_guessed_codes_are_throttled_and_valid_ones_never"
    ),
    "Limits.auth_failure_seconds": (
        "web/endpoints/test_agents.py::"
        "test_guessed_codes_are_throttled_and_valid_ones_never"
    ),
    "Limits.auth_addresses": (
        "web/endpoints/test_limits.py::"
        "test_above_the_limit_the_address_with_the_oldest_failure_is_evicted"
    ),
    "Limits.streams": (
        "web/endpoints/test_stream.py::test_streams_are_limited_and_a_closed_one_frees_its_slot"
    ),
    "Limits.audit_rows": (
        "store/test_contract.py::test_the_audit_log_is_cut_to_its_newest_rows"
    ),
    "Limits.sessions": (
        "web/access/test_sessions.py::test_above_the_limit_the_session_unused_longest_is_evicted"
    ),
    "Limits.session_days": (
        "web/access/test_sessions.py::test_a_session_expires_even_in_use"
    ),
    "Limits.sign_in_codes": (
        "web/access/test_sessions.py::test_above_the_limit_the_oldest_sign_in_code_is_evicted"
    ),
    "Limits.sign_in_seconds": (
        "web/access/test_sessions.py::test_a_sign_in_code_expires"
    ),
    "Limits.invites": (
        "web/endpoints/test_joining.py::"
        "test_open_invites_are_limited_and_ended_ones_forgotten"
    ),
    "Limits.invites_kept": (
        "web/endpoints/test_joining.py::"
        "test_open_invites_are_limited_and_ended_ones_forgotten"
    ),
    "Limits.invite_seconds": (
        "web/endpoints/test_joining.py::"
        "test_an_invite_that_cannot_be_used_is_refused_and_changes_nothing"
    ),
    "Limits.invite_seconds_max": (
        "web/endpoints/test_joining.py::test_an_invalid_invite_is_not_made"
    ),
    "Limits.join_repeat_seconds": (
        "web/endpoints/test_joining.py::"
        "test_a_join_is_repeated_with_its_key_for_a_minute"
    ),
    "Limits.guest_seconds": (
        "web/endpoints/test_guests.py::test_every_guest_has_an_end"
    ),
    "Limits.guest_seconds_max": (
        "web/endpoints/test_guests.py::test_an_invalid_guest_is_not_let_in"
    ),
    "ConnectionLimits.head_bytes": _REFUSED,
    "ConnectionLimits.head_fields": _REFUSED,
    "ConnectionLimits.url_bytes": _REFUSED,
    "ConnectionLimits.body_bytes": _REFUSED,
    "ConnectionLimits.chunk_line_bytes": _REFUSED,
    "ConnectionLimits.head_seconds": (
        "http/test_deadlines.py::test_a_head_that_trickles_is_refused"
    ),
    "ConnectionLimits.body_seconds": (
        "http/test_deadlines.py::test_a_body_that_is_slow_is_refused"
    ),
    "ConnectionLimits.idle_seconds": (
        "http/test_deadlines.py::test_an_idle_connection_is_closed"
    ),
    "ConnectionLimits.write_seconds": (
        "http/test_deadlines.py::test_a_client_that_does_not_read_is_disconnected"
    ),
    "ConnectionLimits.connections": (
        "http/test_refusals.py::test_connections_beyond_the_limit_get_a_retry_after"
    ),
    "ConnectionLimits.connections_per_address": (
        "http/test_refusals.py::test_connections_per_address_are_limited"
    ),
    "Limits.loop_turns": (
        "domain/room/test_damping.py::"
        "test_exactly_the_turn_above_the_limit_begins_a_damping_of_a_minute"
    ),
    "Limits.loop_window_seconds": (
        "domain/room/test_damping.py::test_turns_outside_the_window_do_not_count"
    ),
    "Limits.damping_seconds": (
        "domain/room/test_damping.py::"
        "test_exactly_the_turn_above_the_limit_begins_a_damping_of_a_minute"
    ),
    "Limits.damping_seconds_max": (
        "domain/room/test_damping.py::test_a_damping_is_never_longer_than_the_limit"
    ),
    "Limits.loop_pairs_per_room": (
        "domain/room/test_damping.py::test_a_bounded_number_of_pairs_is_remembered"
    ),
    "ConnectionLimits.refusals": (
        "http/test_refusals.py::test_only_a_bounded_number_of_refusals_get_a_response"
    ),
    "ConnectionLimits.retry_after_seconds": (
        "http/test_refusals.py::test_connections_beyond_the_limit_get_a_retry_after"
    ),
    "ConnectionLimits.read_ahead_bytes": (
        "http/test_conversation.py::"
        "test_requests_beyond_the_read_ahead_are_answered_after_a_parked_one"
    ),
    "ConnectionLimits.watch_seconds": (
        "http/test_client_gone.py::"
        "test_a_parked_request_is_cancelled_when_its_client_leaves"
    ),
    "ConnectionLimits.linger_seconds": (
        "http/test_deadlines.py::test_lingering_has_a_deadline"
    ),
    "ConnectionLimits.linger_bytes": (
        "http/test_refusals.py::"
        "test_the_unread_body_of_a_refused_request_does_not_lose_the_response"
    ),
}
"""Test that reaches each limit."""

CONSTANTS: Final = (
    Constant(
        "MAX_AHEAD",
        commits_ahead,
        "Commits of other nodes that wait for one room; with more, all are read.",
        "relay/room/test_commits_ahead.py::"
        "test_with_too_many_commits_ahead_all_are_read_from_the_store",
    ),
    Constant(
        "COMMITS_KEPT",
        commit_log,
        "Newest commits of a room that a shared store in memory keeps.",
        "store/test_commits.py::test_only_the_newest_commits_are_kept",
    ),
    Constant(
        "MAX_CHECKED_HERE",
        task,
        "Messages that a room checks in memory for one post with ``If-Match``.",
        "web/endpoints/test_if_match.py::test_in_a_long_room_the_store_is_asked_for_unread_messages",
    ),
    Constant("MAX_SEQ", limits, "The largest seq or cursor.", _BAD_POSTS),
    Constant(
        "MAX_LIFETIME_SECONDS",
        durations,
        "The longest life of a code that has an end.",
        "domain/test_durations.py::test_invalid_lifetimes_are_refused_with_the_rule",
    ),
    Constant(
        "EVENTS_PER_PUSH",
        notification_rules,
        "Events in one notification of the operator; others go with the next.",
        "domain/test_notifications.py::test_a_push_has_a_bounded_number_of_events",
    ),
    Constant(
        "TEXT_CHARS",
        notification_rules,
        "Longest text of a message in a notification, in characters.",
        "domain/test_notifications.py::"
        "test_an_excerpt_is_one_short_line_without_codes_and_control_characters",
    ),
    Constant(
        "PUSHES_PER_WINDOW",
        notification_registry,
        "Notifications of the operator in 10 minutes; others go in one summary.",
        "relay/notifications/test_service.py::"
        "test_many_events_at_once_are_one_push_and_pushes_have_a_pace",
    ),
    Constant(
        "QUEUE_PUSHES",
        outbox,
        "Notifications that wait for one service; one more drops the oldest.",
        "relay/notifications/test_outbox.py::test_a_full_queue_drops_the_oldest",
    ),
    Constant(
        "SEND_SECONDS",
        outbox,
        "Longest time in which a service may accept a notification.",
        "relay/notifications/test_outbox.py::"
        "test_a_service_that_does_not_answer_is_left",
    ),
    Constant(
        "LINK_SECONDS",
        answer_links,
        "Time in which a link in a notification can be used.",
        "web/endpoints/test_answer_page.py::test_a_late_link_shows_nothing",
    ),
    Constant(
        "LINKS_REMEMBERED",
        answer_links,
        "Used links that are remembered.",
        "web/access/test_answer_links.py::"
        "test_a_bounded_number_of_used_links_is_remembered",
    ),
    Constant(
        "READS_PER_SECOND",
        sessions,
        "Reads of the sessions in a second because of unknown ones; on a shared store.",
        "web/access/test_shared_access.py::"
        "test_guessed_sessions_do_not_make_a_node_read_all_the_time",
    ),
    Constant(
        "MOST_URLS",
        notify_parsers,
        "Services that notify the operator.",
        "settings/test_notify_settings.py::test_services_are_separated_and_counted",
    ),
    Constant(
        "MAX_WORDS",
        capabilities,
        "Maximum capabilities that an agent may state.",
        "web/endpoints/test_me.py::test_an_invalid_statement_changes_nothing",
    ),
    Constant(
        "MAX_WORD_CHARS",
        capabilities,
        "Longest capability, in characters.",
        "web/endpoints/test_me.py::test_an_invalid_statement_changes_nothing",
    ),
    Constant(
        "MAX_STATED_CHARS",
        capabilities,
        "Longest text of stated capabilities, in characters.",
        "domain/test_capabilities.py::test_stated_words_are_the_words_of_their_text",
    ),
    Constant(
        "MAX_CALLED_AT_ONCE",
        calling,
        "Questions that one decision calls a peer to.",
        "domain/room/test_calling.py::test_a_peer_is_called_to_a_bounded_number_at_once",
    ),
    Constant(
        "MAX_URL_CHARS",
        wake_hooks,
        "Longest URL of a wake hook, in characters.",
        "domain/test_wake_hooks.py::test_other_urls_are_refused",
    ),
    Constant(
        "NUDGE_SECONDS",
        nudging,
        "Shortest time between two nudges to an agent that has not read.",
        "domain/test_nudging.py::test_two_nudges_without_a_read_are_ten_seconds_apart",
    ),
    Constant(
        "MAX_NUDGE_SECONDS",
        nudging,
        "Longest time between two nudges to an agent that has not read.",
        "domain/test_nudging.py::"
        "test_the_first_message_is_due_at_once_and_the_next_nudges_back_off",
    ),
    Constant(
        "CALL_SECONDS",
        call,
        "Longest call of a wake hook.",
        "relay/nudges/test_call.py::test_a_hook_that_does_not_answer_is_left",
    ),
    Constant(
        "MAX_DAMPED_SENDERS",
        unread,
        "Senders whose damped messages are kept aside for one wake hook.",
        "relay/nudges/test_unread.py::test_damped_messages_of_too_many_senders_call_at_once",
    ),
    Constant(
        "MAX_HANDED",
        unread,
        "Answers handed to waits of an agent that its wake hook is not called for.",
        "relay/nudges/test_unread.py::test_few_answers_are_known_as_handed_over",
    ),
    Constant(
        "ANSWER_BYTES",
        call,
        "Longest answer of a wake hook that is read.",
        "relay/nudges/test_call.py::test_every_other_answer_is_a_failure",
    ),
    Constant(
        "MAX_ADDRESSES",
        call,
        "Addresses of a host that one call of a wake hook tries.",
        "relay/nudges/test_call.py::test_only_a_few_addresses_are_tried",
    ),
    Constant(
        "DAMPED_ROWS",
        damped_pairs,
        "Maximum damped pairs shown for a room.",
        "web/endpoints/test_damping.py::test_a_card_shows_a_bounded_number_of_damped_pairs",
    ),
    Constant(
        "INBOX_ROWS",
        roster,
        "Maximum rows in the operator's inbox.",
        "relay/overview/test_overview.py::"
        "test_the_inbox_is_bounded_and_begins_with_the_longest_wait",
    ),
    Constant(
        "MAX_REPLIES",
        agent,
        "Maximum replies shown with one message.",
        "web/endpoints/test_limits.py::test_replies_of_a_message_are_limited",
    ),
    Constant(
        "MAX_READERS",
        readers_rule,
        "Maximum readers shown with one message.",
        "domain/test_readers.py::test_a_bounded_number_of_readers_is_named",
    ),
    Constant(
        "MAX_WAIT_SECONDS",
        mcp_tools,
        "Longest wait of the MCP tool `read`, in seconds.",
        "web/mcp/test_endpoint.py::test_reading_waits_beyond_one_poll",
    ),
    Constant(
        "MAX_NOTES",
        write_behind,
        "Notes for the audit log that wait for the store; the oldest are dropped.",
        "relay/test_write_behind.py::"
        "test_audit_rows_beyond_the_buffer_are_dropped_with_one_log_line",
    ),
    Constant(
        "_FORGET_SECONDS",
        presence,
        "How long an absent peer is remembered.",
        "web/endpoints/test_limits.py::test_an_absent_peer_is_removed",
    ),
    Constant(
        "OVERVIEW_MESSAGES",
        overview,
        "Newest messages in the operator's overview.",
        "relay/overview/test_overview.py::test_the_overview_always_agrees_with_the_store",
    ),
    Constant(
        "CHANGES_KEPT",
        change_log,
        "Changes kept for streams that lag; a stream further behind restarts.",
        "relay/overview/test_overview.py::test_the_change_log_drops_the_oldest_changes_and_reports_it",
    ),
    Constant(
        "MOST_CHANGED_MESSAGES",
        stream_cursor,
        "Changed messages in one frame of a stream; with more it restarts.",
        "web/endpoints/test_stream_model.py::test_a_client_too_far_behind_gets_a_snapshot",
    ),
    Constant(
        "CLOSE_SECONDS",
        lifecycle,
        "How long rooms may take to finish when the relay stops.",
        "relay/room/test_task.py::test_closing_the_relay_finishes_queued_commands",
    ),
    Constant(
        "SETTLE_SECONDS",
        clock,
        "How long a step of the wall clock must last before it is accepted.",
        "relay/test_clock.py::"
        "test_a_step_is_logged_once_and_followed_after_it_has_lasted",
    ),
    Constant(
        "ERAS_KEPT",
        clock,
        "Remembered steps of the wall clock.",
        "relay/test_clock.py::test_only_the_newest_steps_are_remembered",
    ),
    Constant(
        "CERTAIN_SECONDS",
        code_lifetimes,
        "How long a code must have looked expired before it is deleted.",
        "relay/test_clock_jumps.py::test_a_briefly_wrong_clock_expires_no_code",
    ),
    Constant(
        "REMEMBERED_SECRETS",
        issued_secrets,
        "Remembered expired secrets, of each kind.",
        "web/access/test_credentials.py::"
        "test_above_the_limit_the_oldest_issued_secret_is_evicted",
    ),
    Constant(
        "DISMISSALS_PER_TICK",
        offboarding,
        "Peers without a code that are dismissed in one round of housekeeping.",
        "relay/test_offboarding.py::"
        "test_many_peers_with_expired_codes_are_dismissed_in_bounded_rounds",
    ),
    Constant(
        "MAX_CLAIMS_MEANT",
        posting,
        "Claims of a sender that its message without `reply_to` may answer.",
        "domain/room/test_questions.py::test_the_holder_of_very_many_claims_must_reply",
    ),
    Constant(
        "MAX_RENEWED_AT_ONCE",
        claims,
        "Claims renewed by one post or poll; those that expire first.",
        "domain/room/test_leases.py::test_of_very_many_leases_the_earliest_to_expire_are_renewed",
    ),
    Constant(
        "MAX_ENDED_AT_ONCE",
        claims,
        "Claims that end in one decision; others end in the next ones.",
        "domain/room/test_leases.py::test_leases_that_expire_together_end_in_bounded_pieces",
    ),
    Constant(
        "MAX_GIVEN_UP_BY_APPEND",
        transition,
        "Messages that retention removes with a post, after the limit was lowered.",
        "domain/room/test_retention.py::"
        "test_a_post_drops_a_bounded_number_of_messages_after_a_lowered_limit",
    ),
    Constant(
        "MAX_GIVEN_UP_AT_ONCE",
        open_close,
        "Messages that retention removes in one decision without a post.",
        "domain/room/test_retention.py::"
        "test_the_remaining_surplus_is_dropped_in_pieces_without_a_post",
    ),
    Constant(
        "MOST_RETAINS_PER_TICK",
        housekeeping,
        "Such decisions in one round of housekeeping.",
        "relay/test_retention.py::"
        "test_housekeeping_trims_a_bounded_number_of_rooms_per_round",
    ),
    Constant(
        "MAX_QUERY_FIELDS",
        decode,
        "Maximum fields in a query.",
        "web/codec/test_bad_input.py::test_malformed_targets_are_rejected",
    ),
    Constant(
        "MAX_COMPARED",
        nearest_word,
        "Known words that a mistyped one is compared with.",
        "domain/test_nearest.py::test_only_the_likeliest_known_words_are_compared",
    ),
    Constant(
        "MAX_KNOWN",
        nearest_word,
        "Known words that these are chosen from.",
        "domain/test_nearest.py::test_only_so_many_known_words_are_looked_at",
    ),
    Constant(
        "MAX_NEAR",
        delivery_report,
        "Unknown names of a message for which a similar one is looked for.",
        "web/endpoints/test_suggestions.py::test_only_the_first_unknown_names_are_compared",
    ),
    Constant(
        "MAX_IGNORED_NAMES",
        ignored,
        "Unknown keys named in one response.",
        "web/endpoints/test_limits.py::test_listed_unknown_fields_are_limited_and_truncated",
    ),
    Constant(
        "MOST_AUDIT_ROWS",
        operator,
        "Maximum rows of the audit log in one answer.",
        "web/endpoints/test_limits.py::test_the_audit_log_is_paged",
    ),
    Constant(
        "MOST_IMPORTED_SEQ",
        import_lines,
        "The largest number that an imported message may have.",
        "web/endpoints/test_export_import.py::test_an_invalid_line_is_named_and_nothing_changed",
    ),
    Constant(
        "QUEUE_JOBS",
        write_queue,
        "Writes that may wait for the disk; more are answered 503.",
        "store/sqlite/test_faults.py::"
        "test_more_writes_than_the_queue_holds_are_refused",
    ),
    Constant(
        "QUEUE_HINTS",
        postgres_hints,
        "Hints to other nodes that may wait; beyond, the others are told of a gap.",
        "store/postgres/test_nodes.py::test_a_sender_that_lost_hints_tells_of_a_gap",
    ),
    Constant(
        "SWEEP_ROWS",
        postgres_store,
        "Rows that retention deletes in one transaction of PostgreSQL.",
        "store/test_contract.py::"
        "test_messages_past_retention_are_hidden_before_they_are_swept",
    ),
    Constant(
        "_ROWS",
        postgres_search,
        "Candidates of a search that are read from PostgreSQL at once.",
        "store/test_search.py::test_a_search_finds_the_matching_messages",
    ),
    Constant(
        "BATCH_JOBS",
        write_queue,
        "Maximum writes made durable together.",
        "store/sqlite/test_faults.py::test_rooms_that_write_at_once_share_transactions",
    ),
    Constant(
        "WRITE_SECONDS",
        write_queue,
        "How long a write may wait for its turn.",
        "store/sqlite/test_faults.py::"
        "test_a_write_stuck_in_the_queue_is_refused_at_its_deadline",
    ),
    Constant(
        "READERS",
        readers,
        "Connections that read the database.",
        "store/sqlite/test_faults.py::test_a_cancelled_read_leaves_its_connection_usable",
    ),
    Constant(
        "READ_SECONDS",
        reader_pool,
        "How long a read may wait for one of them.",
        "store/sqlite/test_faults.py::test_a_cancelled_read_leaves_its_connection_usable",
    ),
    Constant(
        "BUSY_MS",
        connection,
        "Milliseconds to wait for a database that another process has locked.",
        "store/sqlite/test_faults.py::"
        "test_a_lock_of_another_process_refuses_writes_until_it_is_released",
    ),
    Constant(
        "SWEEP_ROWS",
        store,
        "Rows that retention deletes in one transaction.",
        "store/test_contract.py::"
        "test_messages_past_retention_are_hidden_before_they_are_swept",
    ),
    Constant(
        "CLEAR_ROWS",
        store,
        "Messages of a deleted room that are deleted in one transaction.",
        "store/sqlite/test_deleted_rooms.py::test_rows_are_deleted_in_bounded_pieces",
    ),
    Constant(
        "PIECE_ROWS",
        index_tables,
        "Messages added to the search index in one transaction.",
        "store/sqlite/search/test_index.py::test_many_messages_are_indexed_piece_by_piece",
    ),
    Constant(
        "PIECE_TERMS",
        index_tables,
        "Words after which no further message is added in the same transaction.",
        "store/sqlite/search/test_index.py::"
        "test_messages_of_many_words_are_indexed_a_few_at_a_time",
    ),
    Constant(
        "KEEP_UP_SECONDS",
        index,
        "How long housekeeping may work on the search index.",
        "store/sqlite/search/test_index.py::"
        "test_housekeeping_does_not_wait_long_for_the_index",
    ),
    Constant(
        "MAX_PREFIX_MATCHES",
        sqlite_search,
        "Maximum occurrences of words that match a prefix search.",
        "store/sqlite/search/test_index.py::"
        "test_a_prefix_of_too_many_words_is_too_wide",
    ),
    Constant(
        "SEARCH_SECONDS",
        memory,
        "How long a search may take with --ephemeral.",
        "store/test_search.py::test_a_search_in_memory_has_a_deadline",
    ),
    Constant(
        "STEP_CHARS",
        memory,
        "Characters that such a search examines before it yields to other tasks.",
        "store/test_search.py::test_a_search_in_memory_has_a_checkpoint_between_texts",
    ),
    Constant(
        "QUEUE_SECONDS",
        concurrency_limit,
        "How long a search waits for another one of the same peer.",
        "relay/api/test_search.py::"
        "test_a_search_waits_for_its_peers_earlier_one_up_to_a_deadline",
    ),
    Constant(
        "MOST_TEXT_CHARS",
        limits,
        "Longest message that a setting can allow; a longer one in a database is "
        "damage.",
        "store/sqlite/test_row_validation.py::test_an_invalid_row_is_refused",
    ),
    Constant(
        "ROW_BYTES",
        row_validation,
        "Longest row of a database; a longer one is damage.",
        "store/sqlite/test_row_validation.py::test_an_invalid_row_is_refused",
    ),
    Constant(
        "MOST_HEAD",
        superseded,
        "The largest head with which a restored room may continue.",
        "store/sqlite/test_row_validation.py::test_a_backup_that_leaves_too_few_seqs_is_refused",
    ),
    Constant(
        "MOST_OPEN_COPIES",
        snapshot,
        "Backups read at the same time, each as large as the database.",
        "store/test_imports.py::test_only_a_few_copies_are_open_at_once",
    ),
    Constant(
        "METRICS_CONNECTIONS",
        metrics_listener,
        "Connections open at once on the listener for metrics.",
        "serve/test_metrics_listener.py::test_connections_beyond_the_bound_are_refused",
    ),
    Constant(
        "PATH_CHARS",
        access_log,
        "Characters of a path that are logged.",
        "web/test_access_log.py::test_a_path_is_escaped_and_truncated",
    ),
    Constant(
        "DRAIN_SECONDS",
        main,
        "How long parked polls may take to be answered when the relay stops.",
        "relay/api/test_poll.py::test_draining_answers_every_parked_poll_with_its_cursor",
    ),
    Constant(
        "GRACE_SECONDS",
        main,
        "How long requests may take to finish when the relay stops.",
        "serve/test_listener.py::"
        "test_a_request_that_does_not_finish_is_cancelled_at_shutdown",
    ),
    Constant(
        "MOST_SPOOL_BYTES",
        spool,
        "Bytes of messages that an ear keeps for its program; the relay keeps others.",
        "agent/test_ear.py::test_a_full_spool_leaves_the_messages_to_the_relay",
    ),
    Constant(
        "MOST_SEEN",
        seat,
        "Answers of `argy ask` that are not handed over again.",
        "agent/test_commands.py::test_only_the_newest_answers_are_remembered",
    ),
)

_CODES = "the codes there are (`codes`)"
_ISSUED = "the codes there are (`codes`), or the invites (`invites_kept`)"
_CONNECTED = "connections (`connections`)"
_ROOMS = "the rooms there are, by codes and by messages (`rooms`)"
_BATCH = "one batch (`batch_commands`)"
_REQUEST = "one request (`body_bytes`, `head_bytes`)"
_ASKED = "`open_questions_per_peer`, and the peers there are"
_LIVE = "rooms in memory (`live_room_seconds`)"

_CLAIMED = (
    "`messages_per_room`; where that is 0, by what the peers claim at their pace "
    "(`claims_per_window`) and keep up"
)

_MEMBERS: Final = "the peers that have had a code and were not revoked"
_NOTICES: Final = (
    "open questions, agents and pairs of agents, and those of the last hour"
)
HELD: Final = {
    "relay.notifications.observation.Observer._rooms": _ROOMS,
    "relay.notifications.observation.Observer._held": _ASKED,
    "relay.notifications.observation.Observer._since": _NOTICES,
    "relay.notifications.outbox.Outbox._queue": "`QUEUE_PUSHES`",
    "relay.notifications.registry.Notifications._by_id": _NOTICES,
    "relay.notifications.registry.Notifications._deleted": (
        f"{_NOTICES}; emptied when the store accepts writes"
    ),
    "relay.notifications.registry.Notifications._lasting": _NOTICES,
    "relay.notifications.registry.Notifications._notices": _NOTICES,
    "relay.notifications.registry.Notifications._pushed_at": "`PUSHES_PER_WINDOW`",
    "relay.notifications.registry.Notifications._taken": _NOTICES,
    "relay.notifications.registry.Notifications._unsaved": _NOTICES,
    "store.memory.store.MemoryStore._notices": _NOTICES,
    "web.access.answer_links.AnswerLinks._used": "`LINKS_REMEMBERED`",
    "domain.damping.Exchanges._newer": "half of `loop_pairs_per_room`",
    "domain.damping.Exchanges._older": "half of `loop_pairs_per_room`",
    "domain.room.questions.OpenQuestions._by_asker": _ASKED,
    "domain.room.questions.OpenQuestions._by_call": _ASKED,
    "domain.room.questions.OpenQuestions._by_seq": _ASKED,
    "domain.room.lease_index.Leases._by_holder": _CLAIMED,
    "domain.room.lease_index.Leases._by_seq": _CLAIMED,
    "domain.room.state.Room.members": _MEMBERS,
    "domain.room.state.Room.messages": "`tail_messages`, and one for each live claim",
    "domain.room.state.Room.posts_at": _MEMBERS,
    "domain.room.state.Room.receipt_order": "`idempotency_keys_per_room`",
    "domain.room.state.Room.receipts": "`idempotency_keys_per_room`",
    "domain.room.following._Follower.recalled": _BATCH,
    "relay.overview.room_card.RoomCard.members": _MEMBERS,
    "domain.room.transition.Transition.writes": _BATCH,
    "domain.pages.PageBuilder.messages": "one answer (`poll_messages`, `poll_bytes`)",
    "relay.access.rooms_of_codes.RoomsOfCodes._by_handle": _CODES,
    "relay.api.poll_rooms._RoomsPoll._pages": "`rooms_per_code`",
    "relay.overview.overview.Overview._codes": _CODES,
    "relay.overview.overview.Overview._leases": _ROOMS,
    "relay.overview.overview.Overview._messages": "`OVERVIEW_MESSAGES`",
    "relay.overview.overview.Overview._outlines": _ROOMS,
    "relay.overview.overview.Overview.cards": _ROOMS,
    "relay.overview.overview.Overview.memo": "streams (`streams`), until a change",
    "relay.overview.change_log.ChangeLog._kept": "`CHANGES_KEPT`",
    "relay.access.code_registry.CodeRegistry._by_key": _CODES,
    "relay.access.code_registry.CodeRegistry._by_room": _CODES,
    "relay.access.code_registry.CodeRegistry._departed": (
        f"{_CODES}, and peers without a code that no room has dismissed yet"
    ),
    "relay.access.code_registry.CodeRegistry._names": _CODES,
    "relay.access.code_lifetimes.CodeLifetimes._written_at": _ISSUED,
    "relay.access.code_lifetimes.CodeLifetimes._stale_since": _ISSUED,
    "relay.access.invite_registry.InviteRegistry._by_key": "`invites_kept`",
    "relay.access.issued_secrets.IssuedSecrets._digests": "`REMEMBERED_SECRETS`",
    "relay.write_behind.WriteBehind._cursors": _CODES,
    "relay.write_behind.WriteBehind._notes": "`MAX_NOTES`",
    "relay.write_behind.WriteBehind._failures": "the kinds of failure, which are few",
    "relay.write_behind.FailedSignIns.addresses": "five",
    "relay.access.name_reservations.NameReservations._agents": _CONNECTED,
    "relay.access.name_reservations.NameReservations._human": _CONNECTED,
    "relay.access.room_reservations.RoomReservations._ending": _CONNECTED,
    "relay.access.room_reservations.RoomReservations._used": _CONNECTED,
    "http.hangups.EpollHangupWatch._tell": _CONNECTED,
    "relay.wait_timer.WaitTimer._heap": f"twice the {_CONNECTED}, and 1,000",
    "relay.wait_timer.WaitTimer._waiting": _CONNECTED,
    "relay.room.subscriptions.Subscriptions._by_peer": _CONNECTED,
    "relay.room.subscriptions.Subscriptions._by_question": _CONNECTED,
    "relay.room.subscriptions.Subscriptions._listening": _CONNECTED,
    "relay.room.subscriptions.Subscriptions._parked": _CONNECTED,
    "relay.access.presence.Presence._rooms": f"{_CODES}, and `FORGET_SECONDS`",
    "relay.access.concurrency_limit.ConcurrencyLimit._queues": _CONNECTED,
    "relay.access.request_limits.RequestLimits._claims": "`claims_per_window` a peer",
    "relay.access.request_limits.RequestLimits._reads": "`reads_per_window` a peer",
    "relay.access.room_quota.RoomQuota._rooms": "`rooms`",
    "relay.room.registry.LiveRooms._by_key": _LIVE,
    "relay.following.Following._stale": _ROOMS,
    "relay.room.commits_ahead.CommitsAhead._by_version": "`MAX_AHEAD`",
    "relay.room.task.LiveRoom._batch": "`batch_commands`",
    "relay.room.task.LiveRoom._send": "`inbox_commands`",
    "relay.room.task.LiveRoom.cursors": _CODES,
    "relay.overview.watchers.Watchers.touched": _ROOMS,
    "http.server.HttpServer._by_network": "`connections`",
    "http.server.HttpServer._connections": "`connections`",
    "http.server.HttpServer._young": "`connections`",
    "http.hypercorn.guard.HypercornServer._failures": "the events, a few",
    "http.hypercorn.guard.HypercornServer._refused": "the kinds of refusal, a few",
    "http.request_body.ChunkedBody._parts": "`body_bytes`",
    "http.request_head.HeadParser._own_fields": "`head_fields`",
    "http.server.HttpServer._failures": "the events that are logged, a few",
    "http.server.HttpServer._handshakes": "`connections`",
    "http.server.HttpServer._refused": "the kinds of refusal, a few",
    "settings.settings._Gathered.mistakes": "the settings there are",
    "settings.settings._Gathered.sources": "the settings there are",
    "settings.settings._Gathered.values": "the settings there are",
    "settings.settings._Gathered.warnings": "the settings there are",
    "store.memory.audit.StoredAudit._rows": "`audit_rows`",
    "store.memory.audit.StoredAudit._tallies": "`audit_rows`",
    "relay.access.capability_index.CapabilityIndex._codes": _CODES,
    "relay.nudges.hooks.WakeHooks._looks": "`wake_hooks`",
    "relay.nudges.hooks.WakeHooks._rooms": "`wake_hooks`",
    "relay.nudges.unread.HookState._damped": "`MAX_DAMPED_SENDERS`",
    "store.memory.commit_log.CommitLog._kept": "`COMMITS_KEPT`",
    "relay.access.presence.Presence._elsewhere": _CODES,
    "relay.access.room_quota.RoomQuota._refused": _ROOMS,
    "relay.following.Following.rereads": "the parts of the directory, a few",
    "relay.nodes.Nodes._shared": _CODES,
    "web.access.sessions.Sessions._reads": "`READS_PER_SECOND`",
    "store.memory.nodes.SharedNodes._duties": "the duties, a few",
    "store.memory.nodes.SharedNodes._heard_at": "the nodes there are",
    "store.memory.nodes.SharedNodes._records": "the nodes there are",
    "store.memory.nodes.SharedNodes._seats": "the nodes there are, and `codes`",
    "store.memory.store.MemoryStore._settings": "the settings, a few",
    "store.sqlite.store.SqliteStore._settings": "the settings, a few",
    "store.memory.store.MemoryStore._listeners": "one for each relay on the store",
    "store.memory.store.MemoryStore._logs": _ROOMS,
    "store.sqlite.doubts.Doubts.by_room": _ROOMS,
    "store.memory.store.MemoryStore._hooks": "`wake_hooks`",
    "store.memory.store.MemoryStore._codes": _CODES,
    "store.memory.store.MemoryStore._cursors": _CODES,
    "store.memory.store.MemoryStore._invites": "`invites_kept`",
    "store.memory.store.MemoryStore._sessions": "`sessions`",
    "store.memory.store.MemoryStore._revoked": "one entry per code that ever was",
    "store.memory.store.MemoryStore._rooms": _ROOMS,
    "store.memory.room.StoredRoom.claims": "`messages_per_room`",
    "store.memory.room.StoredRoom.members": _MEMBERS,
    "store.memory.room.StoredRoom.messages": "`messages_per_room`",
    "store.memory.room.StoredRoom.order": "`messages_per_room`",
    "store.memory.room.StoredRoom.questions": "`messages_per_room`",
    "store.memory.room.StoredRoom.receipts": "`idempotency_keys_per_room`",
    "store.postgres.changes._Changes.added": _BATCH,
    "store.postgres.changes._Changes.audits": _BATCH,
    "store.postgres.changes._Changes.claims": _BATCH,
    "store.postgres.changes._Changes.forgotten": _BATCH,
    "store.postgres.changes._Changes.leases": _BATCH,
    "store.postgres.changes._Changes.members": _BATCH,
    "store.postgres.changes._Changes.messages": _BATCH,
    "store.postgres.changes._Changes.questions": _BATCH,
    "store.postgres.changes._Changes.receipts": _BATCH,
    "store.postgres.changes._Changes.resolutions": _BATCH,
    "store.postgres.store.PostgresStore._sharing": "the nodes that use it, one",
    "store.postgres.hints.HintSender._send": "`QUEUE_HINTS`",
    "store.sqlite.backup.snapshot.Snapshots._open": "`MOST_OPEN_COPIES`",
    "store.sqlite.row_validation._RowValidator._rooms": "the rooms there are",
    "store.reader_pool.ReaderPool._idle": "`READERS`",
    "store.reader_pool.ReaderPool._peers": _CONNECTED,
    "store.write_queue.WriteQueue._send": "`QUEUE_JOBS`",
    "web.endpoints.importing.Batch.audits": _REQUEST,
    "web.endpoints.importing.Batch.codes": _REQUEST,
    "web.endpoints.importing.Batch.ignored": _REQUEST,
    "web.endpoints.importing.Batch.rooms": _REQUEST,
    "web.codec.validation_errors.ValidationErrors.found": _REQUEST,
    "web.metrics.Metrics.refusals": "the errors there are, all there from the start",
    "web.access.sign_in_codes.SignInCodes._codes": "`sign_in_codes`",
    "web.access.sessions.Sessions._ending": "`sessions`, until the store confirms",
    "web.access.sessions.Sessions._sessions": "`sessions`",
    "web.access.sessions.Sessions._watchers": "`streams`",
    "web.access.throttle.AuthThrottle._buckets": "`auth_addresses`",
}
"""Bound of each collection that may grow."""
