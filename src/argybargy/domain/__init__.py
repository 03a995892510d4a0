"""Values and pure rules: names, messages, access codes, limits, errors.

This package has no clock, I/O, randomness or logging. The time is passed in as an
:class:`~argybargy.domain.instant.Instant`, and effects are returned as values, so a
room task can decide a command again after a conflict. `room` has the rules of rooms and
`search` the queries; `errors` is the table of all errors, `limits` that of all bounds.
"""
