"""Proofs of the promises: fault injection against a relay process over real sockets.

Each proof starts a relay in a process and data directory of its own, injects faults,
and reports figures for one promise. ``argybargy torture`` runs all proofs; the test
suite runs the same ones briefly. The package is a client and imports none of the
relay's layers.

`promises.PROMISES` is the table of proofs, `runner` runs them, `harness` defines their
environment and result, `relay_process` starts relays and drives agents. `fuzzer`,
`killers` and `hostile` attack, `linearizable` checks claim histories, `process_limits`
reads and sets the resource limits of a relay.
"""
