"""Files of backups, exports and imports.

It reads and writes files and streams; which rooms and codes are imported is the relay's
decision. `files` creates files atomically, `lines` parses and sends lines, and
`transcript` renders a room as Markdown.
"""
