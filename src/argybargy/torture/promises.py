"""Table of promises and their proofs.

The command, its report, the README and the tests use this table.
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
        "in every room seqs start at 1 and rise by 1, in the same order for everyone",
        ordered.prove,
    ),
    Promise(
        "G3",
        "delivered",
        "every message reaches each reader exactly once, also when polls are cancelled",
        delivered.prove,
        weight=2,
    ),
    Promise(
        "G4",
        "repeatable",
        "posts with a key, claims and reads can be repeated without a second effect",
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
        "no input from anyone stops the relay, blocks a room or leaks a socket",
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
        "storage failures are 503, never a false 200, and end without a restart",
        honest.prove,
    ),
    Promise(
        "G10",
        "private",
        "only sender, addressees and operator see a direct message",
        private.prove,
        weight=0,
    ),
    Promise(
        "G11",
        "secret",
        "codes appear in no file, log, audit row or response",
        secret.prove,
        weight=0,
    ),
)
