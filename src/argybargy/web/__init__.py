"""The relay over HTTP: who asks, what is asked, and how the answer looks.

Every endpoint is written once, as a function from a small request value to an answer,
and listed once, as a route; nothing here touches a socket or a database. `app` serves
all of them with Quart-Trio, `fast_path` the agents' own without Quart's dispatch; both
call the same functions. `request` has the request and the answer, `errors` renders
refusals, `static` serves the dashboard, `metrics` collects numbers, and `access_log`
logs requests.
"""
