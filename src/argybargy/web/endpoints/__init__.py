"""Every endpoint, one file a topic, and the tables of routes.

An endpoint decodes, calls the relay and encodes; rules and permissions are elsewhere.
`route.Route` describes an endpoint, `agent_routes` and `operator_routes` list them,
and `dispatch.dispatch` runs one: authentication, the function, and its errors.
"""
