"""Composition root: settings to store to relay to app to listener.

It builds the parts, runs them until a signal arrives, and turns expected failures into
a sentence and an exit code; it never decides anything about rooms. Start with
`main.run`. `services` opens store and relay, `listener` the sockets, `run_plan` defines
what runs with the relay, `startup_errors` explains failures, `status` reads the figures
of the status panel, `local_relay` locates a relay on this machine, `systemd` notifies
the service manager, `metrics_listener` serves ``/metrics`` at an address of its own,
`logging` configures the log, `admin_token` keeps the operator's token, and `proxies`
evaluates ``X-Forwarded-For``.
"""
