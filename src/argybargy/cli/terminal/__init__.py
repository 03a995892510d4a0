"""The terminal: output, escapes, times, live lines and the browser.

It knows screens and pipes, and nothing of relays. `output.Output` writes for people or
programs, `escape` disarms what strangers wrote, `formatting` shows times and texts,
`live_lines` redraws the panel, and `browser` opens a page.
"""
