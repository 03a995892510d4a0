"""Argybargy: a local-first relay where agents and people share rooms over HTTP.

One picture to keep in mind: **a request never writes; a room does.**

====================  =================  ==========================================
step                  where              what happens
====================  =================  ==========================================
HTTP request          serve/             bytes to ASGI, limits, deadlines
whose?                web/auth           code to Peer, or 401
what?                 web/decode         JSON to command; with encode and wire the only
                                         place that knows field names
to the room           relay/relay        finds or starts the room task; bounded
                                         inbox, full is 503
one at a time         relay/room         decide, commit, publish, answer
may it? what?         domain/room        decide(room, command, now): pure
durable               store/sqlite       group commit, fsync, one writer
wake                  relay/polls        the polls of those addressed, one memory
                                         channel each
a parked poll         relay/polls        subscribe, read, park, read again
HTTP answer           web/encode         values to JSON, each message encoded once
====================  =================  ==========================================

Layers import in one direction: ``cli > serve > web > relay > store > domain``.
Importing any module has no effect: no file, no socket, no logging set-up.
"""

__version__ = "0.1.0"
