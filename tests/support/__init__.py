"""Helpers that tests share: fakes, clients, clocks, and things that fail as told.

Relays and rooms: `room` has a room and a clock, `room_model` its rules written a second
time, `replayed_room` what its writes mean; `relay` opens a relay on virtual time,
`random_activity` lives in it, `store_player` commits without one; `relay_process`
starts the real server and `health_check` tells whether it is sound.
Faults: `faulty_disk` fails and loses power, `paused_store` stops where it is told to,
`cancel_points` cancels at every await, `cuttable_proxy` cuts connections with
`proxy_process`, and `error_log` fails a test whose errors nobody took.
HTTP: `http_server` serves and has a raw client, `refused_requests` are what it refuses,
`web_app` calls the app without a
socket, `stream_client` and `stream_model` follow the stream, `stock_relay` runs under
Hypercorn as it comes, and `http_reference` makes the page of the API.
Commands: `terminal` types them, `fake_operator` and `fake_export` answer,
`real_commands` go to real relays, `terminal_screen` is a screen, `console_pages` runs
the blocks of a page, and `first_argybargy` has a database of old.
Machine: `browser` and `chromium` drive the dashboard, `debian` unpacks programs, and
`named_tests` tells whether tests exist that a table names.
"""
