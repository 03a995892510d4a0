"""What may be stored a little late is bounded while it waits."""

from structlog.testing import capture_logs

from argybargy.domain.commands import Audit
from argybargy.domain.limits import Limits
from argybargy.relay.ledger import MAX_NOTES, Ledger
from argybargy.store.memory import MemoryStore


async def test_the_oldest_of_too_many_notes_go_and_one_line_says_how_many() -> None:
    store = MemoryStore(Limits())
    ledger = Ledger(store)
    for number in range(MAX_NOTES + 3):
        ledger.note(Audit(number, "connect", f"agent{number}"))
    with capture_logs() as lines:
        await ledger.flush()
        await ledger.flush()
    assert [line["count"] for line in lines] == [3]
    rows = await store.audit(MAX_NOTES + 10, None)
    assert [rows[0].audit.actor, len(rows)] == ["agent3", MAX_NOTES]
