"""What users may rely on, line by line, and what tries each of them.

The one list: the command, its report, the README and the tests are made from it.
"""

from typing import Final

from argybargy.torture.harness import Promise
from argybargy.torture.proofs import (
    bounded,
    delivered,
    durable,
    graceful,
    honest,
    ordered,
    private,
    repeatable,
    secret,
    unkillable,
    winners,
)

PROMISES: Final = (
    Promise(
        "G1",
        "durable",
        "200 on a post, claim, close or revoke means committed with fsync",
        durable.prove,
        weight=3,
    ),
    Promise(
        "G2",
        "ordered",
        "seqs start at 1 and rise by 1 in every room, in one order for all",
        ordered.prove,
    ),
    Promise(
        "G3",
        "delivered",
        "every message reaches each of its readers once, though polls are given up",
        delivered.prove,
        weight=2,
    ),
    Promise(
        "G4",
        "repeatable",
        "a post with a key, a claim, a read: each can be asked again",
        repeatable.prove,
    ),
    Promise(
        "G5",
        "one winner",
        "claims are linearizable, leased and fenced",
        winners.prove,
    ),
    Promise(
        "G6",
        "unkillable",
        "no bytes from anyone end the relay, wedge a room or leak a socket",
        unkillable.prove,
        weight=2,
    ),
    Promise(
        "G7",
        "bounded",
        "10,000 parked polls stay under 300 MB",
        bounded.prove,
    ),
    Promise(
        "G8",
        "graceful",
        "SIGTERM answers every parked poll with its cursor",
        graceful.prove,
        weight=0,
    ),
    Promise(
        "G9",
        "honest",
        "storage trouble is 503 and never a false 200; it heals without a restart",
        honest.prove,
    ),
    Promise(
        "G10",
        "private",
        "a direct message is seen by sender, addressees and operator alone",
        private.prove,
        weight=0,
    ),
    Promise(
        "G11",
        "secret",
        "codes are found in no file, log, audit row or answer",
        secret.prove,
        weight=0,
    ),
)
