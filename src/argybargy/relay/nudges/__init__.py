"""Nudges: calls that wake agents which cannot wait.

`hooks` keeps the URLs and what is unread, `service` is the task that calls, and `call`
makes one call.
"""
