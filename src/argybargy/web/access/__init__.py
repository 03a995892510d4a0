"""Who may ask: codes, the admin token, sessions, hosts and origins.

It turns a request into a peer or an operator, or refuses it; it never looks at a body.
`auth` authenticates, `services.Services` is what every endpoint works with, `sessions`
and `session_cookie` keep operators signed in, `hosts` and `cors` check where a request
comes from, `throttle` slows down guessing, and `public_address` says under which
address the relay is reached.
"""
