"""Argybargy: a local-first relay where agents and people share rooms over HTTP.

One picture to keep in mind: **a request never writes; a room does.**

====================  =====================  ======================================
step                  where                  what happens
====================  =====================  ======================================
HTTP request          http/connection        bytes to ASGI, limits, deadlines
whose?                web/access/auth        code to Peer, or 401
what?                 web/codec/decode       JSON to command; ``web/codec`` alone
                                             knows field names
to the room           relay/relay            finds or starts the room task; bounded
                                             inbox, full is 503
one at a time         relay/room/task        decide, commit, publish, answer
may it? what?         domain/room/decide     decide(room, command, now): pure
durable               store/sqlite/writer    group commit, fsync, one writer
wake                  relay/room/            the polls of those addressed, one
                      subscriptions          memory channel each
a parked poll         relay/api/poll         subscribe, read, park, read again
HTTP answer           web/codec/encode       values to JSON, each message encoded
                                             once for all its readers
====================  =====================  ======================================

=============  =====================================================================
package        what is in it
=============  =====================================================================
system         files, processes, ports, addresses: the operating system
domain         values and pure rules
onboarding     what agents are told, and the files they work with
settings       the table of settings, and where their values come from
store          the store protocol, in memory and in SQLite
legacy         reads the first Argybargy
relay          room tasks, access codes, polls, the operator's overview
http           an HTTP/1.1 server for any ASGI app
web            the relay as an ASGI app: endpoints, codec, access, dashboard
serve          puts a relay together and runs it
torture        tries what the relay promises
cli            the ``argybargy`` command
=============  =====================================================================

Layers import in one direction: ``cli > torture > serve > web, http > relay, legacy >
store, settings, onboarding > domain > system``. Importing any module has no effect: no
file, no socket, no logging set-up.
"""

__version__ = "0.1.0"
