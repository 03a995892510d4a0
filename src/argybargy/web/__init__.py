"""The HTTP API: authentication, decoding, endpoints and responses.

Every endpoint is one function from a Request to a Response and one row in a table of
routes; nothing here touches a socket or a database. `app` serves all endpoints with
Quart-Trio, `fast_path` serves those of agents without Quart, through the same
functions, and `late_app` loads the rest after the start. `request` has Request and
Response, `errors` renders errors, `static` serves the dashboard's files, `metrics`
collects metrics, `exposition` renders them for Prometheus, and `access_log` logs
requests.
"""
