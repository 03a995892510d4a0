"""The operator's read model: all rooms in memory, ready to be shown.

It is filled from the store once and follows every commit; it never asks the store
again and never changes a room. `overview.Board` is the model, `room_card` one room in
it, `room_view` what is shown of a room, `change_log` the latest changes, and
`watchers` wakes the streams.
"""
