"""Known defects of the first Argybargy, and the tests that exclude them here.

Each line is one defect, with the tests that would fail if this relay had it.
"""

from typing import Final

import pytest

from support.named_tests import missing_tests

_FAULTS: Final = "store/sqlite/test_faults.py::"
_FILES: Final = "store/sqlite/test_files.py::"
_POLLING: Final = "relay/api/test_poll.py::"
_MEET: Final = "relay/api/test_poll_interleavings.py::"
_LOAD: Final = "relay/test_load.py::"
_BAD: Final = "web/codec/test_bad_input.py::"
_AGENTS: Final = "web/endpoints/test_agents.py::"
_OPERATOR: Final = "web/endpoints/test_operator.py::"
_CLAIMS: Final = "domain/room/test_claims.py::"
_ROOM: Final = "relay/room/test_task.py::"

LOST_OR_DOUBLED: Final = {
    "A cursor was read after the messages: a message in between was never delivered.": (
        _POLLING + "test_the_cursor_never_runs_ahead_of_the_rows",
        _POLLING + "test_a_burst_reaches_every_follower_whole_and_in_order",
        "torture/test_proofs.py::test_a_promise_is_kept",
    ),
    "A poll read first and registered for the wake-up later.": (
        _POLLING + "test_a_post_between_the_read_and_the_park_is_not_missed",
        _MEET + "test_a_poll_delivers_each_message_once_without_delay",
        _MEET + "test_a_cancelled_poll_loses_no_message",
    ),
    "A cursor beyond the head was lowered silently, and seqs were issued twice.": (
        _POLLING + "test_a_cursor_beyond_the_head_is_reset_and_parks_at_the_head",
        "domain/room/test_posting.py::test_seqs_count_from_one_without_gaps",
    ),
    "A post whose answer was lost was posted again.": (
        _AGENTS + "test_a_retry_with_the_same_key_gets_the_first_response",
        "domain/room/test_posting.py::test_a_retry_returns_the_stored_message",
    ),
    "The winner of a claim that repeated it was refused, until the lease ended.": (
        _AGENTS + "test_a_claim_is_granted_once_and_can_be_retried",
        _CLAIMS + "test_an_expired_lease_is_announced_exactly_once",
        _ROOM + "test_a_released_claim_is_free_at_once",
    ),
    "Acknowledged messages could be lost in a power failure.": (
        _FILES + "test_every_write_reaches_the_disk_before_it_is_acknowledged",
    ),
    "Two readers were told different things about whom a question was for.": (
        _LOAD + "test_a_question_that_seemed_meant_for_one_reader_is_answered_once",
        _AGENTS + "test_anyone_resolves_to_the_only_other_member",
    ),
    "A question was narrowed to agents that were long gone.": (
        _ROOM + "test_a_departed_member_is_no_expected_answerer",
        "domain/test_roster.py::test_a_peer_without_a_valid_code_has_no_row",
    ),
    "An agent at work was sent away as idle, and so was one that came back.": (
        _POLLING + "test_own_posts_and_posts_of_others_reset_the_idle_time",
        _POLLING + "test_a_newcomer_to_a_quiet_room_has_the_full_idle_time",
    ),
    "A message to nobody, or to ALL, was taken and delivered to nobody.": (
        _ROOM + "test_an_unknown_addressee_is_reported_and_gets_the_message_later",
        "web/test_headers.py::test_all_is_all_in_any_spelling",
        _BAD + "test_invalid_posts_store_nothing",
    ),
    "Two agents of one name never saw each other's messages.": (
        _POLLING + "test_two_codes_of_one_peer_receive_the_same_messages",
        _OPERATOR + "test_names_keep_their_first_spelling",
    ),
    "A post could land in a room that was closed by then.": (
        _LOAD + "test_posts_are_accepted_until_the_room_is_closed_and_refused_after",
        "domain/room/test_posting.py::test_an_agent_cannot_post_into_a_closed_room",
    ),
    "A jump of the clock sent all agents away, or gave expired codes new life.": (
        _POLLING + "test_a_wall_clock_step_does_not_use_up_the_idle_time",
        "relay/test_clock_jumps.py::test_no_caller_depends_on_the_wall_clock",
        "domain/room/test_posting.py::"
        "test_timestamps_do_not_run_backwards_with_the_wall_clock",
    ),
    "No reader could notice that something had been lost.": (
        _POLLING + "test_a_gap_by_retention_is_reported",
        "domain/test_pages.py::"
        "test_consecutive_pages_deliver_each_message_for_the_reader_once_in_order",
    ),
}

STUCK: Final = {
    "One claim of a huge number stopped every post until a restart.": (
        _ROOM + "test_a_huge_seq_is_refused_and_the_room_goes_on",
        _FAULTS + "test_a_failed_write_does_not_affect_others_of_its_batch",
    ),
    "A lock of another process stopped every post, also after it was gone.": (
        _FAULTS + "test_a_lock_of_another_process_refuses_writes_until_it_is_released",
    ),
    "One lock for all rooms: readers waited for writers.": (
        _LOAD + "test_reads_do_not_wait_for_a_slow_disk",
    ),
    "Each open dashboard read whole tables every few seconds.": (
        "web/endpoints/test_stream.py::test_an_idle_stream_sends_little",
        _LOAD + "test_reads_do_not_wait_for_a_slow_disk",
        "relay/overview/test_overview.py::test_the_overview_always_agrees_with_the_store",
    ),
    "Retention was paid for by every post.": (
        "store/test_contract.py::"
        "test_messages_past_retention_are_hidden_before_they_are_swept",
    ),
    "A post cost three queries for each parked poll, whoever was addressed.": (
        _LOAD + "test_waking_many_polls_reads_nothing_from_the_store",
        _POLLING + "test_a_direct_message_wakes_only_its_addressee",
    ),
    "A stop waited for every parked poll, and then dropped them.": (
        _POLLING + "test_draining_answers_every_parked_poll_with_its_cursor",
        "e2e/test_wire_slow.py::test_sigterm_does_not_wait_for_slow_clients",
    ),
    "A client that left was waited for.": (
        "e2e/test_conversation.py::"
        "test_a_client_that_leaves_in_mid_poll_leaves_no_waiter_behind",
        "relay/test_cancellation.py::"
        "test_a_cancellation_at_any_await_leaves_a_consistent_room",
    ),
    "Two servers could share one directory.": (
        "e2e/test_conversation.py::"
        "test_a_second_relay_on_the_same_data_is_refused_with_a_sentence",
    ),
    "The health check succeeded when nothing worked.": (
        _OPERATOR + "test_ready_is_a_real_write_and_health_is_not",
    ),
}

OPEN_TO_OTHERS: Final = {
    "The stored hash of a code was as good as the code.": (
        _AGENTS + "test_the_stored_digest_of_a_code_is_no_code",
    ),
    "Codes were stored in plain text, in files that everybody could read.": (
        _FILES + "test_no_file_contains_a_code",
        _FILES + "test_only_the_owner_may_read_the_files_of_the_store",
    ),
    "Every code was in every answer to the dashboard, and in the terminal.": (
        _OPERATOR + "test_no_answer_but_the_invitation_shows_a_code",
        "cli/commands/test_commands.py::test_codes_are_listed_without_their_secrets",
    ),
    "Direct messages could be read by the whole room.": (
        _AGENTS + "test_a_direct_message_is_hidden_from_other_agents",
        "store/test_contract.py::"
        "test_a_direct_message_is_visible_to_sender_addressee_and_operator_only",
    ),
    "Anybody could claim any message, including their own and those of closed rooms.": (
        _CLAIMS + "test_claims_of_a_missing_and_of_a_hidden_message_are_refused_alike",
        _CLAIMS + "test_a_peer_cannot_claim_its_own_question",
        _CLAIMS + "test_a_message_without_a_question_for_the_claimer_cannot_be_claimed",
        _CLAIMS + "test_a_claim_in_a_closed_room_is_refused",
    ),
    "An agent could be called operator, all, or what only looks like another name.": (
        _BAD + "test_invalid_operator_requests_change_nothing",
        "domain/test_names.py::test_a_reserved_word_is_an_address_but_no_name_of_an_agent",
    ),
    "Revoking a name revoked it in every room, and one code of two could not be.": (
        _OPERATOR + "test_revoking_a_name_in_two_rooms_needs_a_room_or_all",
        _ROOM + "test_revoking_a_code_releases_its_claims",
    ),
    "Revoking by code wrote the code into the audit log.": (
        _OPERATOR + "test_revoking_by_code_leaves_no_code_in_the_audit_log",
    ),
    "An admin token of odd characters was a 500.": (
        _BAD + "test_a_wrong_admin_token_is_a_401_and_noted_once_a_minute",
    ),
    "Codes could be guessed at any speed, and nobody noticed.": (
        _AGENTS + "test_guessed_codes_are_throttled_and_valid_ones_never",
    ),
    "Limits were counted by code: two codes, twice the posts; the rest had none.": (
        _LOAD + "test_two_codes_of_one_peer_share_its_limit",
        _POLLING + "test_too_many_immediate_reads_are_refused",
        "web/endpoints/test_limits.py::test_claims_of_one_peer_are_limited",
    ),
    "Any Host was answered, and repeated in the instructions.": (
        _AGENTS + "test_other_hosts_are_refused",
        _OPERATOR + "test_the_manifest_has_the_accepted_media_type",
    ),
    "No response had security headers.": (
        "web/test_headers.py::test_every_response_has_the_security_headers",
    ),
    "The admin token stayed in the browser, beside a script of another host.": (
        "web/endpoints/test_sign_in.py::"
        "test_a_session_from_the_token_has_the_same_permissions",
        _OPERATOR + "test_the_docs_page_loads_nothing_from_other_hosts",
    ),
    "The admin token was printed at every start.": (
        "cli/commands/test_commands.py::"
        "test_up_shows_a_link_that_signs_in_once_and_not_the_token",
        "e2e/test_sign_in.py::test_what_signs_in_is_in_no_file_and_no_log",
    ),
    "Expired codes were kept forever, and the admin token never expired.": (
        "web/endpoints/test_limits.py::test_an_expired_code_is_listed_for_a_while",
        "web/access/test_sessions.py::test_a_session_expires_even_in_use",
    ),
}

WITHOUT_LIMITS: Final = {
    "Only the text of a message had a limit, and no other field.": (
        _BAD + "test_invalid_posts_store_nothing",
        "test_limits.py::test_every_limit_has_a_test_that_meets_it",
    ),
    "Bodies of any size were read before authentication.": (
        "http/test_client_gone.py::test_a_body_is_not_read_before_the_app_asks_for_it",
        "http/test_refusals.py::test_a_bad_request_is_refused_with_a_reason",
    ),
    "A stranger could fill the audit log.": (
        _BAD + "test_a_wrong_admin_token_is_a_401_and_noted_once_a_minute",
        "store/test_contract.py::test_the_audit_log_is_cut_to_its_newest_rows",
    ),
    "A header of megabytes was accepted.": (
        "http/test_refusals.py::test_a_bad_request_is_refused_with_a_reason",
    ),
    "Silent clients were kept, in any number.": (
        "http/test_deadlines.py::test_an_idle_connection_is_closed",
        "http/test_deadlines.py::test_a_head_that_stalls_is_refused",
        "http/test_refusals.py::test_connections_beyond_the_limit_get_a_retry_after",
    ),
    "Unexpected numbers and characters were a 500.": (
        _BAD + "test_invalid_posts_store_nothing",
        _BAD + "test_malformed_targets_are_rejected",
        _BAD + "test_invalid_operator_requests_change_nothing",
    ),
    "A reader that started over got all messages in one response.": (
        _AGENTS + "test_a_truncated_poll_says_more",
        "store/test_contract.py::"
        "test_a_page_is_cut_by_bytes_but_one_message_always_fits",
    ),
    "A room could be named so that it could not be closed.": (
        _BAD + "test_invalid_operator_requests_change_nothing",
        "cli/commands/test_sessions.py::test_an_id_is_quoted_in_the_path",
    ),
    "Text from agents was printed raw into terminals.": (
        "cli/terminal/test_escape.py::test_no_control_character_is_printed",
    ),
    "The data had no version, and a migration kept no copy.": (
        _FILES + "test_a_newer_schema_is_refused_and_left_alone",
        _FILES + "test_a_migration_keeps_a_copy_of_the_old_database",
    ),
    "There were no tests under load, under attack, or against broken relays.": (
        "torture/test_proofs.py::test_a_relay_that_breaks_a_promise_fails_its_proof",
        "e2e/test_wire_fuzz.py::"
        "test_mutated_requests_of_every_endpoint_leave_the_server_as_it_was",
        _FAULTS + "test_acknowledged_writes_survive_a_kill",
    ),
}

DEFECTS: Final = LOST_OR_DOUBLED | STUCK | OPEN_TO_OTHERS | WITHOUT_LIMITS


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_tests_against_a_defect_are_there(defect: str) -> None:
    named = DEFECTS[defect]
    assert named
    assert missing_tests(named) == []


def test_a_test_that_is_not_there_is_missed() -> None:
    wrong = [
        "test_defects.py::test_of_nothing",
        "nowhere.py::test_a",
        "test_docs.py::x",
    ]
    assert missing_tests(wrong) == wrong
