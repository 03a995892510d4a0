"""PostgreSQL store, which several relays share.

============= ======================================================================
`address`     the URL of the store, without its password
`connection`  one connection, used in worker threads, with a deadline for each call
`errors`      PostgreSQL's errors as those of a store
`extra`       the error of a relay without psycopg
`moved`       the mark of a database that a relay has moved from
`checks`      the settings that a server needs to keep what it acknowledges
`schema`      numbered migrations under an advisory lock
`changes`     what a batch of writes changes, as one parameter of ``ab_commit``
`deltas`      commits as bytes, for the other nodes
`writer`      group commit over all rooms
`readers`     a small pool of connections
`hints`       notifications of commits, and the socket that hears them
`search`      full-text search
`tables`      the SQL of all other tables
`store`       the store itself
============= ======================================================================

It is the extra ``argybargy[postgres]``: only what opens such a store imports it.
"""
