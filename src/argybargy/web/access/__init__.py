"""Access control: authentication, sessions, allowed hosts, CORS and throttling.

It authenticates an agent or the operator from header fields alone, before any body is
read. `auth` authenticates, `sessions` and `session_cookie` keep operators signed in,
`hosts` and `cors` check Host and Origin, `throttle` slows down guessing,
`public_address` has the public URL, and `services.Services` holds all of it for the
endpoints.
"""
