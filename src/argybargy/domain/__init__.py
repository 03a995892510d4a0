"""What is true of rooms, whoever serves them: frozen values and pure rules.

Nothing here waits, looks at a clock, rolls dice, reads a file or logs. Time comes
in as a :class:`~argybargy.domain.moment.Moment`; what should happen goes out as
values. That is what lets a room task decide a command twice and mean it once.
"""
