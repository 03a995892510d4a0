"""The task that owns one live room, and its parts.

One task decides, commits, publishes and replies, in that order; no other task changes
a room, and no room task knows another room. Read `task` first: it has the states of a
room. `registry` holds the live rooms and supervises their tasks, `inbox` has the
commands sent to a task, `batch` decides them, `context` has the services that tasks
share, `subscriptions` the polls that a publication wakes, and `delivery_report` the
report that a sender gets.
"""
