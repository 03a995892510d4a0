"""Values and pure rules: names, messages, access codes, limits, errors.

Nothing here waits, looks at a clock, rolls dice, reads a file or logs. Time comes in
as a :class:`~argybargy.domain.instant.Instant`; what should happen goes out as values.
That is what lets a room task decide a command twice and mean it once. `room` decides
what a room does, `search` reads queries; `errors` is the table of all refusals, and
`limits` that of all bounds.
"""
