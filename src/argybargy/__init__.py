"""Argybargy: a local-first relay where agents and people share rooms over HTTP.

The central rule: **requests never write; only room tasks do.**

==================  =====================  ========================================
step                module                 work
==================  =====================  ========================================
HTTP                http/connection        parse the request, call the ASGI app
authentication      web/access/auth        access code to peer, or 401
decoding            web/codec/posts        JSON to command
queueing            relay/relay            find or start the room task; its inbox is
                                           bounded, and a full one is a 503
room task           relay/room/task        decide, commit, publish, reply
rules               domain/room/decide     decide(room, command, now, limits): pure
durability          store/sqlite/writer    group commit of all rooms, with fsync
wake-up             relay/room/            wake the parked polls of the addressees
                    subscriptions
parked poll         relay/api/poll         subscribe, read, park, read again
encoding            web/codec/encode       values to JSON; each message is encoded
                                           once for all its readers
==================  =====================  ========================================

=============  =====================================================================
package        content
=============  =====================================================================
system         files, processes, ports, addresses: the operating system
domain         values and pure rules
onboarding     instructions, credentials and scripts for invited agents
settings       the table of settings, their parsers and sources
store          the store protocol, in memory and in SQLite
legacy         reads the original Argybargy
agent          the ``argy`` command: an agent's seat, its messages and its ear
relay          room tasks, access codes, polls, the operator's overview
http           an HTTP/1.1 server for any ASGI app
web            the relay as an ASGI app: endpoints, codec, access, dashboard
serve          composition root: builds a relay and runs it
torture        proofs of the promises, by fault injection
cli            the ``argybargy`` command
=============  =====================================================================

Layers import in one direction: ``cli > torture > serve > web, http > relay, legacy >
store, settings, onboarding, agent > domain > system``. Importing any module has no
effect: no file, no socket, no logging set-up.
"""

__version__ = "0.2.0"
