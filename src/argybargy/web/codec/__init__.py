"""Convert between JSON and values: the only package that knows JSON field names.

It validates types and sizes, never permissions. `decode` reads requests, `posts` those
that post, and `validation_errors` collects their errors; `encode` and `operator_rows`
make response bodies. The types of bodies are in `bodies` (messages, polls, questions,
errors), `peer_bodies`, `relay_bodies` (health and the manual), `operator_bodies`,
`session_bodies`, `search_bodies`, `stream_frames` (operator's stream) and
`export_lines`; `import_lines` validates the lines of an import.
"""
