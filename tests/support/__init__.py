"""Shared test helpers: fakes, clients, clocks and fault injection.

- Rooms and relays: `room` (a room with a clock), `room_model` (reference model of its
  rules), `replayed_room` (applies its writes), `relay` (a relay on virtual time),
  `random_activity`, `store_player` (commits without a relay), `relay_process` (the real
  server), `health_check` (checks a relay after an attack).
- Faults: `faulty_disk` (I/O errors, power cuts), `paused_store`, `cancel_points`
  (cancels at every await), `cuttable_proxy` with `proxy_process`, `error_log` (fails a
  test on unexpected ERROR logs).
- HTTP: `http_server` (server and raw client), `refused_requests`, `web_app` (calls the
  app without sockets), `stream_client`, `stream_model`, `stock_relay` (the app under
  plain Hypercorn).
- Commands: `terminal`, `fake_operator`, `fake_export`, `real_commands`,
  `terminal_screen`, `console_pages` (runs the blocks of a page), `first_argybargy`
  (a database of the first relay).
- Questions: `question_stage` (brings them into every state), `question_views` (reads
  them in every view), `plain_questions` (the plain model of their states).
- Agents: `agent_desk` (a seat and its commands), `mcp_client`, `nudge_scene` and
  `wake_calls` (hooks that are called).
- Cost: `work_counters`; `clock_places` for clock jumps.
- Tables and pages: `limits_table`, `reference_pages`, `http_reference`, `named_tests`.
- Machine: `browser`, `chromium`, `debian`.
"""
