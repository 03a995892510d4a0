"""HTTP/1.1 clients for the proofs and the benchmark.

They import nothing of the relay, so that both sides cannot share a bug. `connection`
is a keep-alive connection, `messages` encodes requests and parses responses, `raw`
sends arbitrary bytes and ends connections abruptly.

They are written by hand and not on h11, which `cli.doctor.probe` uses: with h11 a
request costs this client about 1.6 times the CPU (300 instead of 180 us), several times
what the relay spends on an empty poll. The load would then measure the client.
"""
