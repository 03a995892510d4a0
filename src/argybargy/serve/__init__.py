"""The composition root: settings to store to relay to app to listener.

Bytes become ASGI in the modules around ``http_server`` and ``connection``, which
serve any app and know nothing of rooms. ``main`` puts the relay together and runs
it until it is told to stop.
"""
