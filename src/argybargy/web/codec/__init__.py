"""JSON to values and back: the only place that knows field names.

It checks types and sizes, and never what a peer may do. `decode` reads requests,
`encode` writes answers; `bodies` has the shapes of agents, `operator_bodies`,
`session_bodies` and `search_bodies` the others, `operator_rows` fills them,
`stream_frames` are the frames of the stream, and `export_lines` and `import_lines` the
lines of an export.
"""
