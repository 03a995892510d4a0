"""The checks of ``argybargy doctor``, one module a topic.

Each check collects facts, which may fail, and judges them in a pure function that
returns findings; none repairs anything. `checkup` runs all checks, `finding.Finding` is
their result; `database`, `data_directory`, `machine`, `port` and `reachability` are the
checks, and `probe` sends HTTP requests with a deadline.
"""
