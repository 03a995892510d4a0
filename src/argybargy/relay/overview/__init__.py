"""The operator's in-memory read model of all rooms.

It is loaded from the store once and follows every publication; it never asks the
store again and never changes a room. `overview.Overview` is the model, `room_card`
the source data of one room, `room_view` computes its views, `change_log` has the
latest changes, and `watchers` wakes the streams.
"""
