"""Proofs: what the relay promises, tried on a relay of its own, over real sockets.

Each proof starts the relay as a user does, in a process and a data directory of its
own, does it harm, and says in figures what became of one promise. ``argybargy
torture`` runs them on anybody's machine; the test suite runs the same ones briefly.
Nothing in here imports the relay's own layers: it is a client. `promises.PROMISES`
lists the proofs, `runner` runs them, `harness` is what each of them gets,
`relay_process` the relay under trial; `fuzzer` and `killers` do the harm,
`linearizable` checks histories, and `process_limits` takes descriptors and disk away.
"""
