"""Second HTTP core: Hypercorn's connection, with the bounds and deadlines it lacks.

It exists to show that both cores treat an app alike, and patches nothing inside
Hypercorn. `guard.HypercornServer` can replace `http.server.HttpServer`; `app` wraps the
app that Hypercorn calls.
"""
