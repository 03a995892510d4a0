"""Notifications: pushes to the operator who is away.

`argybargy.domain.notifications` decides what is told when. `observation` finds the
events of a running relay, `registry` knows which were told, `service` is the task that
puts due ones into the outbox of each service, and `outbox` sends them, with retries.
`apprise_channel` and `webhook` are the ways to send. Nothing else waits for a push.
"""
