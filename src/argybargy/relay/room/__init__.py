"""The task that owns one live room, and its parts.

One task decides, commits, publishes and answers, in that order; nothing else changes a
room, and nothing here knows another room. `task.LiveRoom` is the task, `inbox` what is
sent to it, `batch` what it has decided and not yet committed, `context` what it works
with, `subscriptions` the polls that it wakes, and `delivery_report` what a sender
learns of delivery.
"""
