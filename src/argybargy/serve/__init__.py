"""The composition root: settings to store to relay to app to listener.

It builds the parts, runs them until the relay is told to stop, and turns failures of
the start into a sentence and an exit code; it never decides anything about rooms.
`main.run` is the way in, `services` puts store and relay together, `listener` opens
the sockets, `run_plan` says what runs beside the relay, `startup_errors` explains,
`status` shows figures, `local_relay` finds a relay on this machine, `systemd` tells the
service manager, `metrics_listener` serves numbers, and `logging`, `admin_token` and
`proxies` do what they are called.
"""
