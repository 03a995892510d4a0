"""Terminal output: text, JSON, tables, escapes, times, live lines and the browser.

It knows terminals and pipes, and nothing of relays. `output.Output` writes for people
or programs, `escape` disarms text of strangers, `columns` measures and `formatting`
fits text, `live_lines` redraws the panel, and `browser` opens a page.
"""
