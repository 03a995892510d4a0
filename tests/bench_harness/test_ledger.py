from collections import Counter

from bench.client import Message
from bench.ledger import Ledger, Tally, tally_all, tally_claims


def ledger(owed: str, seen: str) -> Ledger:
    """Return an account of texts of one letter."""
    account = Ledger()
    for text in owed:
        account.owe(text)
    account.see(Message(seq, text) for seq, text in enumerate(seen))
    return account


def test_what_was_acknowledged_and_never_came_is_lost() -> None:
    assert ledger("abc", "b").tally() == Tally(lost=2)


def test_every_copy_after_the_first_is_doubled() -> None:
    assert ledger("ab", "abbb").tally() == Tally(doubled=2)


def test_a_message_whose_acknowledgement_was_lost_is_neither() -> None:
    assert ledger("a", "ax").tally() == Tally()


def test_accounts_add_up() -> None:
    accounts = [ledger("ab", "a"), ledger("ab", "aab")]
    assert tally_all(accounts) == Tally(lost=1, doubled=1)


def test_a_question_without_a_winner_is_lost_and_with_three_is_doubled_twice() -> None:
    assert tally_claims(Counter({1: 1, 2: 3}), [1, 2, 3]) == Tally(1, 2)
