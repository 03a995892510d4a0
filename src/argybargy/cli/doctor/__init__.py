"""The checks of ``argybargy doctor``, one module for each thing.

Each of them looks first, which may fail, and judges then, which is pure: facts in,
findings out; none repairs anything. `checkup` runs them all, `finding.Finding` is what
they return; `database`, `data_directory`, `machine`, `mounts`, `port` and
`reachability` look, and `probe` asks over HTTP.
"""
