"""Files of exports and imports.

It reads and writes files and streams; which rooms and codes are taken over is the
relay's to decide. `files` opens them, `lines` reads and writes the lines, and
`transcript` renders a room as Markdown.
"""
