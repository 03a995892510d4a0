"""Operating system services: files, locks, processes, ports and addresses.

It hides the differences between systems and imports nothing else of Argybargy; it
never knows what a room or a relay is. `files` makes private files and locks them,
`mounts` finds the file system of a directory, `processes` runs child programs, `ports`
finds the process that listens on a port, `network` reads addresses, `terminal` decides
on colour, `own_program` says how the user starts this program, `line_splitter` cuts
output into lines, `histogram` counts durations and sizes in buckets, `logs` makes
loggers, and `values` makes classes of values.
"""
