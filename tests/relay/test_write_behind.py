"""The write-behind buffer is bounded."""

from structlog.testing import capture_logs

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.room.writes import Audit
from argybargy.relay.write_behind import MAX_NOTES, WriteBehind
from argybargy.store.memory.store import MemoryStore


async def test_audit_rows_beyond_the_buffer_are_dropped_with_one_log_line() -> None:
    store = MemoryStore(Limits())
    ledger = WriteBehind(store)
    for number in range(MAX_NOTES + 3):
        ledger.note(Audit(number, "connect", f"agent{number}"))
    with capture_logs() as lines:
        await ledger.flush()
        await ledger.flush()
    assert [line["count"] for line in lines] == [3]
    rows = await store.audit(MAX_NOTES + 10, None)
    assert [rows[0].audit.actor, len(rows)] == ["agent3", MAX_NOTES]


async def test_failures_before_and_after_a_restart_have_separate_rows() -> None:
    store, now = MemoryStore(Limits()), Instant(1_700_000_000_000, 0.0)
    for times in (3, 1):
        ledger = WriteBehind(store)
        for _ in range(times):
            ledger.count_failure("auth_failed", "192.0.2.1", now)
            await ledger.flush()
    rows = await store.audit(9, None)
    details = [row.audit.detail for row in rows]
    assert details == ["3 from 192.0.2.1", "1 from 192.0.2.1"]
