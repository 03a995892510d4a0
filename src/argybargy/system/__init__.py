"""What the operating system gives: files, locks, processes, ports and addresses.

It hides the differences between systems, and imports nothing else of Argybargy; it
never knows what a room or a relay is. `files` makes private files and locks them,
`processes` runs and ends child programs, `ports` tells who holds a port, `network`
reads addresses, `terminal` decides on colour, `line_splitter` cuts output into lines,
and `histogram` counts in buckets.
"""
