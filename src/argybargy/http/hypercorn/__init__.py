"""The other HTTP core: Hypercorn's connection, guarded.

It shows that both cores treat an app alike, and patches nothing of Hypercorn's own.
`guard.HypercornServer` takes the place of an `HttpServer`; `app` keeps an app from
being told of a disconnect after its answer.
"""
