"""Table of promises and their proofs.

The report shows its sentences; a test holds docs/explanation/promises.md to them.
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
        "200 on a post, claim, close or revoke means committed with an fsync",
        durable.prove,
        weight=3,
    ),
    Promise(
        "G2",
        "ordered",
        "in each room seqs start at 1, rise by 1, and are the same for all readers",
        ordered.prove,
    ),
    Promise(
        "G3",
        "delivered",
        "every message reaches each reader exactly once; gaps are reported",
        delivered.prove,
        weight=2,
    ),
    Promise(
        "G4",
        "repeatable",
        "reads, claims, and posts with an idempotency key can be retried safely",
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
        "no input crashes the relay, blocks a room or leaks a socket",
        unkillable.prove,
        weight=2,
    ),
    Promise(
        "G7",
        "bounded",
        "every queue, body and table has a limit",
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
        "a storage failure is a 503, never a false 200, and recovery needs no restart",
        honest.prove,
    ),
    Promise(
        "G10",
        "private",
        "only sender, addressees and operator can read a direct message",
        private.prove,
        weight=0,
    ),
    Promise(
        "G11",
        "secret",
        "codes are hashed, shown once, and stored nowhere else",
        secret.prove,
        weight=0,
    ),
)
